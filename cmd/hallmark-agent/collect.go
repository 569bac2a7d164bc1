package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/agent"
	"github.com/hallmark-attest/hallmark/attest"
)

func collectCommand() *cobra.Command {
	var path string
	var show, debug bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "collect",
		Short: "Read the devices for a front end in another process, or show what would leave the host",
		Long: `collect is the privileged half: it holds the TPM and reads the host, and serves a
"hallmark-agent serve" in another process through the unix socket collector.socket.

With --print it makes evidence over a root of zeros, prints on standard output
what would leave the host, and sends nothing.`,
		Example: `  hallmark-agent collect --print | less
  hallmark-agent collect --config /etc/hallmark/agent.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := agent.LoadConfig(path)
			if err != nil {
				return err
			}
			log := newLog(os.Stderr, debug)
			if show {
				return printEvidence(cmd, c, log, wait)
			}
			if c.Collector.Socket == "" {
				return errors.New("collector.socket is not set: set it in the configuration of both halves, or use \"hallmark-agent serve\" alone")
			}
			return collect(cmd.Context(), c, log)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&show, "print", false, "print what would leave the host, send nothing")
	cmd.Flags().DurationVar(&wait, "wait", 30*time.Second, "with --print: how long to wait for TPM and first readings")
	cmd.Flags().BoolVar(&debug, "debug", false, "log details")
	return cmd
}

func collect(ctx context.Context, c *agent.Config, log *slog.Logger) error {
	col, closeDevices, err := newCollector(ctx, c, storeOf(c), log)
	defer closeDevices()
	if err != nil {
		return err
	}
	l, err := agent.ListenLink(c.Collector.Socket)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() { col.Run(ctx) })
	defer wg.Wait()
	log.Info("collecting", "socket", c.Collector.Socket)
	notify(log, daemon.SdNotifyReady)
	return (&agent.LinkServer{Half: col, Log: log}).Serve(ctx, l)
}

// printEvidence makes one piece of evidence over a zero root and prints it.
func printEvidence(cmd *cobra.Command, c *agent.Config, log *slog.Logger, wait time.Duration) error {
	ctx, cancel := context.WithCancel(cmd.Context())
	col, closeDevices, err := newCollector(ctx, c, "", log)
	defer closeDevices()
	if err != nil {
		cancel()
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() { col.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	select {
	case <-col.Warm():
	case <-time.After(wait):
		fmt.Fprintf(os.Stderr, "hallmark-agent: first readings took longer than %v: what is missing is printed as absent\n", wait)
	case <-ctx.Done():
		return ctx.Err()
	}
	envelope, err := col.Evidence(ctx, &agent.EvidenceParams{Class: attest.ClassFast, Front: agent.FrontInputs{Config: c.Digest}})
	if err != nil {
		return err
	}
	view, err := agent.View(envelope)
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(append(view, '\n'))
	return err
}
