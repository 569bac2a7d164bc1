// Certificates of some TPM makers carry negative serial numbers, which Go refuses by default.
//go:debug x509negativeserial=1

// Command hallmark-agent is the node's daemon: it answers validators'
// challenges about the GPU host it runs on. It holds no policy and judges nothing.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "devel"

// Exit codes, which others script against.
const (
	exitDone     = 0
	exitCouldNot = 2 // bad usage or configuration, or the work could not be done
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	cmd := root()
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(ctx); err != nil {
		if errors.Is(err, context.Canceled) {
			err = errors.New("interrupted")
		}
		fmt.Fprintf(os.Stderr, "hallmark-agent: %v\n", err)
		return exitCouldNot
	}
	return exitDone
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hallmark-agent",
		Short: "Answer validators' challenges about this GPU host",
		Long: `hallmark-agent runs on a GPU host and answers validators' challenges with signed
evidence: what the host says of its boot, hardware, GPUs and inference engines,
bound to the challenge and quoted by the host's TPM or, inside a trust domain, by
TDX. It judges nothing.

What leaves the host is described in /usr/share/doc/hallmark/disclosure.md; to
see it, run "hallmark-agent collect --print".

Exit status: 0 done, 2 bad usage or configuration, or the work could not be done.`,
		Version:       buildVersion(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.AddCommand(serveCommand(), collectCommand(), measureCommand(), versionCommand(), docsCommand())
	return cmd
}

// buildVersion is the linker's word, or the module's where it was built by go install.
func buildVersion() string {
	if version != "devel" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return version
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "hallmark-agent", buildVersion())
			return err
		},
	}
}
