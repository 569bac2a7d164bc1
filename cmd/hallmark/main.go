//go:debug x509negativeserial=1

// Command hallmark is the validator's and auditor's side: it enrolls nodes,
// challenges them, and judges their answers, offline too. It imports no agent,
// no device and no simulator.
//
// Some TPM vendors' certificates carry negative serial numbers, which Go refuses by default: hence the directive above.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/attest"
)

// version is set by the linker.
var version = "devel"

// Exit codes, which others script against.
const (
	exitDone       = 0
	exitRefused    = 1 // judged and not accepted
	exitCouldNot   = 2 // could not judge, or bad usage
	exitInterrupts = 130
)

// errRefused ends a command that judged and did not accept; what there is to say has been printed.
var errRefused = errors.New("not accepted")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	cmd := root()
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errRefused):
		return exitRefused
	case ctx.Err() != nil:
		return exitInterrupts
	}
	complain("%v", err)
	return exitCouldNot
}

// complain prints an error for people. Errors may quote what a node sent, so each line is cleaned.
func complain(format string, args ...any) {
	for i, line := range strings.Split(fmt.Sprintf(format, args...), "\n") {
		if i == 0 {
			line = "hallmark: " + line
		}
		fmt.Fprintln(os.Stderr, attest.Clean(line))
	}
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hallmark",
		Short: "Challenge GPU hosts and judge their evidence",
		Long: `hallmark asks a GPU host's agent for evidence about itself, and judges the answer.

A validator makes a key once (keygen), enrolls each node once (enroll), then
challenges it as often as it likes (challenge) and judges each answer (verify).
An auditor verifies the same files later, offline. telemetry fetches what a node
stored of its GPUs, inspect shows what is in a file, reference makes the values that
verify compares with. stats scores the answers that nodes gave; crosscheck holds the scores against evidence.

Exit status: 0 done or accepted, 1 judged and not accepted, 2 could not judge.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.AddCommand(keygenCommand(), enrollCommand(), challengeCommand(), verifyCommand(), crosscheckCommand(),
		telemetryCommand(), inspectCommand(), referenceCommand(), statsCommand(), rulesCommand(), docsCommand())
	return cmd
}
