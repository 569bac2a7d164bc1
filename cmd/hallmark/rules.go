package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

func rulesCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "List every finding id and every rule with its sentence",
		Long: `Lists every finding that verify can report: its id, the stage that judges it, the
worst status it can have, what a contradiction of this id rests on (exact: a
cryptographic or structural fact; reference: as good as the reference values, the
catalogue or your own measurements; heuristic: a rule of thumb; -: never contradicts),
and the sentence for people. Then the cross-check rules: what each reads, how strong a
violation is (bound, heuristic, hint), how an honest node can violate it; then their
limits, and what each rests on. Of bounds only those contradict of which a violation says so; a
limit that nobody measured is shown and weighs nothing. docs/rules.md has the formulas.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return listRules(asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func listRules(asJSON bool) error {
	cal := rules.DefaultCalibration()
	if asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"findings": verify.Registry(), "rules": rules.All(), "calibration": cal})
	}
	t := newTable()
	t.AppendHeader(table.Row{"ID", "STAGE", "WORST", "RESTS ON", "SENTENCE"})
	for _, e := range verify.Registry() {
		t.AppendRow(table.Row{e.ID, e.Stage, e.Worst, e.Soundness, e.Sentence})
	}
	t.Render()
	fmt.Println()
	t = newTable()
	t.AppendHeader(table.Row{"RULE", "GROUP", "KIND", "READS", "SENTENCE", "HONEST"})
	for _, r := range rules.All() {
		t.AppendRow(table.Row{r.ID, r.Group, r.Kind, strings.Join(r.Reads, ", "), r.Sentence, r.Honest})
	}
	t.Render()
	fmt.Println()
	t = newTable()
	t.AppendHeader(table.Row{"LIMIT", "VIOLATED", "UNIT", "RESTS ON", "SOURCE"})
	for _, l := range cal.Limits {
		t.AppendRow(table.Row{l.Rule + "." + l.Name, fmt.Sprintf("%s %g", l.Bad, l.Value), l.Unit, l.Status, l.Source})
	}
	t.Render()
	return nil
}
