package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/verify"
)

func rulesCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "List every finding id and every rule with its sentence",
		Long: `Lists every finding that verify can report: its id, the stage that judges it, the
worst status it can have, what a contradiction of this id rests on (exact: a
cryptographic or structural fact; reference: as good as the reference values),
and the sentence for people.

Then the cross-check rules: what each reads, its limit, its kind (bound: no honest
node can be beyond it; heuristic: an honest one can), and whether the limit is
calibrated, that is, has a source: a rule that is not weighs nothing. M3 contradicts.
E2, C2, H1 and H2 are on telemetry and contradict nothing: their values stand in the
result of verify --json. No rule reads statistical results yet.`,
		Example: `  hallmark rules
  hallmark rules --json | jq '.findings[] | select(.worst == "contraindicated") | .id'`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return rules(asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func rules(asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"findings": verify.Registry(), "rules": verify.Rules()})
	}
	t := newTable()
	t.AppendHeader(table.Row{"ID", "STAGE", "WORST", "RESTS ON", "SENTENCE"})
	for _, e := range verify.Registry() {
		t.AppendRow(table.Row{e.ID, e.Stage, e.Worst, e.Soundness, e.Sentence})
	}
	t.Render()
	fmt.Println()
	t = newTable()
	t.AppendHeader(table.Row{"RULE", "READS", "LIMIT", "KIND", "CALIBRATED", "SENTENCE"})
	for _, r := range verify.Rules() {
		t.AppendRow(table.Row{r.ID, strings.Join(r.Reads, ", "), r.Limit + " " + r.Unit, r.Kind, r.Calibrated, r.Sentence})
	}
	t.Render()
	return nil
}
