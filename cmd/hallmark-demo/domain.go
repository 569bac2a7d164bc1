package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/internal/sim/domain"
	"github.com/hallmark-attest/hallmark/sign"
)

const domainNote = "TPMs, GPUs, engines, answers and roots are SIMULATED on this machine. Limits are fitted on this domain's own honest nodes (" +
	"--unsafe-demo-calibration); of the built-in ones only M1's was measured, and no rule was tried on a real GPU."

func domainCommand() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "domain [--node NAME]... [--json] [--keep DIR]",
		Short: "A domain of nodes: evidence against statistics",
		Long: `Starts honest nodes and cheats, each with the real hallmark-agent, a software TPM, a
simulated NVML library and an engine's process that answers questions. A validator asks
them through their endpoints, times and embeds the answers, computes the statistics,
challenges the agents before and after, and holds all against each other by the 26 rules.
Each cheat must end with the rule that sees it, and with the right hypothesis first;
each honest node with no word against it. It takes a minute and a half.

Exit status: 0 everything ended as it must, 1 something else happened, 2 could not run.`,
		Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return playDomain(cmd.Context(), f) },
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.attacks, "node", nil, "run only this node beside the honest ones; may be repeated")
	fl.BoolVar(&f.asJSON, "json", false, "print JSON")
	fl.StringVar(&f.keep, "keep", "", "folder for keys, records, answers, results and limits, for hallmark crosscheck")
	return cmd
}

// chosen are the honest nodes and those named.
func chosen(names []string) ([]domain.Party, error) {
	all := domain.Cast()
	if len(names) == 0 {
		return all, nil
	}
	var out []domain.Party
	var known []string
	for _, p := range all {
		known = append(known, p.Name)
		if p.Expect == "" || slices.Contains(names, p.Name) {
			out = append(out, p)
		}
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, fmt.Errorf("no node %q, want one of %s", n, strings.Join(known, ", "))
		}
	}
	return out, nil
}

func playDomain(ctx context.Context, f flags) (err error) {
	begin := time.Now()
	cast, err := chosen(f.attacks)
	if err != nil {
		return err
	}
	if err := emptyFolder(f.keep); err != nil {
		return err
	}
	self, tools, dir, err := prepare()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	rows, files, err := domain.Run(ctx, domain.Options{Dir: dir, Program: self, Tools: tools, Cast: cast, Say: say})
	if err != nil {
		return err
	}
	if err := keepDomain(f.keep, files); err != nil {
		return err
	}
	return reportDomain(rows, time.Since(begin), f)
}

func reportDomain(rows []domain.Row, took time.Duration, f flags) error {
	surprises := 0
	for _, r := range rows {
		if !r.OK {
			surprises++
			fmt.Fprintf(os.Stderr, "hallmark-demo: %s: expected %s; got %s, %s first, violated %s, flags %s\n", r.Name, r.Want, r.Tier, r.Hypothesis, strings.Join(r.Violated, " "), strings.Join(r.Flags, " "))
		}
	}
	if f.asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(map[string]any{"simulated": domainNote, "rows": rows, "ok": surprises == 0, "ms": took.Milliseconds()}); err != nil {
			return err
		}
	} else {
		t := newTable(os.Stdout)
		t.AppendHeader(table.Row{"NODE", "DOES", "T", "FLAGS", "RULES VIOLATED", "HYPOTHESIS", "JUDGEMENT", "TIER"})
		for _, r := range rows {
			mark := ""
			if !r.OK {
				mark = " (EXPECTED " + r.Want + ")"
			}
			t.AppendRow(table.Row{r.Name, r.Does, scores(r.T), strings.Join(r.Flags, " "), strings.Join(r.Violated, " "), r.Hypothesis + mark, fmt.Sprintf("%s %.1f", r.Judgement, r.Score), r.Tier})
		}
		t.Render()
		fmt.Fprintf(os.Stdout, "\n%s\n", text.WrapSoft(domainNote, 120))
	}
	fmt.Fprintf(os.Stderr, "hallmark-demo: %d nodes in %v\n", len(rows), took.Round(100*time.Millisecond))
	if f.keep != "" {
		sayKeptDomain(f.keep, rows[0].Name)
	}
	if surprises > 0 {
		return fmt.Errorf("%d of %d: %w", surprises, len(rows), errSurprise)
	}
	return nil
}

func scores(t []float64) string {
	var s []string
	for _, v := range t {
		s = append(s, fmt.Sprintf("%.2f", v))
	}
	return strings.Join(s, " ")
}

// emptyFolder makes the folder and refuses one that holds anything: keys are never overwritten.
func emptyFolder(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty: choose another folder for --keep", dir)
	}
	return err
}

func keepDomain(dir string, f *domain.Files) error {
	if dir == "" {
		return nil
	}
	private, err := sign.MarshalPrivateKey(f.Key)
	if err != nil {
		return err
	}
	public, err := sign.MarshalPublicKey(&f.Key.PublicKey)
	if err != nil {
		return err
	}
	write := func(name string, b []byte) { err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), b, 0o644)) }
	err = os.WriteFile(filepath.Join(dir, keptKey), private, 0o600)
	write(keptPublic, public)
	write(keptReference, f.Reference)
	write("calibration.json", f.Calibration)
	write("results.jsonl", f.Results)
	for i := range f.Answers {
		write(fmt.Sprintf("answers-%d.jsonl", i+1), f.Answers[i])
		write(fmt.Sprintf("embeddings-%d.jsonl", i+1), f.Embeddings[i])
	}
	for name := range f.Nodes {
		write(name+".node.json", f.Nodes[name])
		write(name+".first.hm", f.First[name])
		write(name+".second.hm", f.Second[name])
	}
	return err
}

// sayKeptDomain prints how to judge a kept node by hand.
func sayKeptDomain(dir, name string) {
	in := func(file string) string { return filepath.Join(dir, file) }
	say("kept %s; judge a node by hand:", dir)
	fmt.Fprintf(os.Stderr, "  hallmark crosscheck %s --with %s --node %s --validator %s --reference %s --stats %s --stats-node %s --unsafe-demo-calibration %s --unsafe-demo-roots\n",
		in(name+".second.hm"), in(name+".first.hm"), in(name+".node.json"), in(keptPublic), in(keptReference), in("results.jsonl"), name, in("calibration.json"))
}
