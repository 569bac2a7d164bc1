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

	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
	"github.com/hallmark-attest/hallmark/internal/sim/engine"
)

// version is set by the linker.
var version = "devel"

// Exit codes, the house's own.
const (
	exitDone     = 0 // the honest nodes were accepted and every attack ended with its finding
	exitSurprise = 1
	exitCouldNot = 2
)

var errSurprise = errors.New("not everything ended as it must")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil:
		os.Exit(exitDone)
	case interrupted:
		err = errors.New("interrupted; everything was stopped and removed")
	case errors.Is(err, errSurprise):
		fmt.Fprintf(os.Stderr, "hallmark-demo: %v\n", err)
		os.Exit(exitSurprise)
	}
	fmt.Fprintf(os.Stderr, "hallmark-demo: %v\n", err)
	os.Exit(exitCouldNot)
}

type flags struct {
	attacks []string
	list    bool
	asJSON  bool
	keep    string
}

func root() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "hallmark-demo [--attack NAME]... [--json] [--keep DIR]",
		Short: "Honest nodes, a validator and attackers, on this machine alone",
		Long: `Starts the real hallmark-agent on a simulated host (software TPM, simulated NVML
library with eight H100, simulated engine with a weights file), enrols it, challenges
it and judges the answer; does so with a second honest node, whose root is a simulated
trust domain (TDX) without TPM; then lets attackers try to deceive the validator. Each
must end with the finding that names what he did. Everything happens on loopback
and in one temporary folder, and is stopped and removed at the end.

TPM, trust domain, GPUs, engine and roots are SIMULATED: they are believed here only because the
demo asks for it by options that say unsafe. docs/demo.md explains each attack.

Exit status: 0 the honest nodes were accepted and every attack ended with its
finding, 1 something else happened, 2 could not run.`,
		Example: `  hallmark-demo
  hallmark-demo --attack relayed --attack swapped-weights
  hallmark-demo --keep /tmp/demo      # keys, node.json, reference.json, answer.hm for hallmark verify`,
		Args: cobra.NoArgs, Version: version, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.list {
				return list()
			}
			attacks, err := choose(f.attacks)
			if err != nil {
				return err
			}
			return run(cmd.Context(), attacks, f)
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.attacks, "attack", nil, "run only this attack; may be repeated (names: --list)")
	fl.BoolVar(&f.list, "list", false, "list the attacks and end")
	fl.BoolVar(&f.asJSON, "json", false, "print JSON")
	fl.StringVar(&f.keep, "keep", "", "folder for keys, node record, reference and answer, to judge them by hand")
	cmd.AddCommand(domainCommand(), engineCommand())
	return cmd
}

// engineCommand is what the copies of this program run that stand for inference engines.
func engineCommand() *cobra.Command {
	var weights, listen string
	var m engine.Manner
	cmd := &cobra.Command{
		Use: "engine", Short: "Be the simulated engine", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return engine.Serve(cmd.Context(), weights, listen, m) },
	}
	cmd.Flags().StringVar(&weights, "weights", "", "safetensors file")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address")
	cmd.Flags().Uint64Var(&m.Seed, "seed", 1, "which model answers")
	cmd.Flags().DurationVar(&m.First, "first", 0, "time before the first token")
	cmd.Flags().DurationVar(&m.PerToken, "per-token", 0, "time of one token")
	cmd.Flags().BoolVar(&m.Canned, "canned", false, "one answer to each question")
	return cmd
}

func choose(names []string) ([]attacker.Attack, error) {
	all := attacker.Attacks()
	if len(names) == 0 {
		return all, nil
	}
	var out []attacker.Attack
	for _, name := range names {
		found := false
		for _, a := range all {
			if a.Name == name {
				out, found = append(out, a), true
			}
		}
		if !found {
			return nil, fmt.Errorf("unknown attack %q, want one of %s", name, strings.Join(attackNames(all), ", "))
		}
	}
	return out, nil
}

func attackNames(all []attacker.Attack) []string {
	var out []string
	for _, a := range all {
		out = append(out, a.Name)
	}
	return out
}
