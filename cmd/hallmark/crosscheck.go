package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

func crosscheckCommand() *cobra.Command {
	f := verifyFlags{tier: string(verify.TierCommunity)}
	cmd := &cobra.Command{
		Use:   "crosscheck answer.hm --stats results.jsonl [--node node.json] [--validator validator.key.pub]",
		Short: "Hold a record against statistical results, by every rule",
		Long: `Verifies a record as hallmark verify does, and shows what each of the 26 rules says:
passed, violated, not evaluable or missing, with value, limit and what it lacks; what
they say together; which hypotheses explain it, with an honest cause of the same signs;
and the challenge that would tell most. docs/rules.md explains each rule.

A rule whose limit nobody measured is shown and weighs nothing. Results are about this
node where they name its ueid, or the name given with --stats-node.

Exit status: 0 the rules do not speak against the node together, 1 suspect, contradicted, or
its tier is denied for another reason, which is printed; 2 could not judge.`,
		Example: `  hallmark crosscheck answer.hm --node node.json --reference models.json --stats results.jsonl --stats-node n7
  hallmark crosscheck later.hm --node node.json --with answer.hm --stats results.jsonl --json | jq .hypotheses[0]`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return crosscheck(args[0], f) },
	}
	f.register(cmd.Flags())
	return cmd
}

// crossed is what crosscheck --json prints.
type crossed struct {
	Node          string                `json:"node"`
	Demo          bool                  `json:"demo,omitempty"`
	Tier          verify.Tier           `json:"tier"`
	Conclusion    rules.Conclusion      `json:"conclusion"`
	Rules         []verify.RuleOutcome  `json:"rules"`
	Hypotheses    []verify.Hypothesis   `json:"hypotheses"`
	NextChallenge *verify.NextChallenge `json:"next_challenge"`
	Findings      []verify.Finding      `json:"findings,omitempty"` // where the tier is denied: why
}

func crosscheck(path string, f verifyFlags) error {
	r, err := f.judge(path)
	if err != nil {
		return err
	}
	refused := r.Tier == verify.TierNone && len(r.Rules) == 0 // before anything was compared
	switch {
	case f.asJSON:
		out := crossed{r.Node, r.Demo, r.Tier, r.Conclusion, r.Rules, r.Hypotheses, r.NextChallenge, nil}
		if r.Tier == verify.TierNone {
			out.Findings = r.Findings
		}
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(out)
	case refused:
		printFindings(r, f.all)
	default:
		printRules(r, f.all)
		if r.Tier == verify.TierNone { // what the rules say is not all there is
			fmt.Println()
			printFindings(r, f.all)
		}
	}
	if err != nil {
		return err
	}
	if r.Conclusion.Judgement != rules.Clear || r.Tier == verify.TierNone {
		return errRefused
	}
	return nil
}

func printRules(r *verify.Result, all bool) {
	c := r.Conclusion
	fmt.Printf("%s, score %.1f (suspect from %v)\nnode      %s\ntier      %s\n\n", c.Judgement, c.Score, rules.SuspectFrom, r.Node, r.Tier)
	t := newTable()
	t.AppendHeader(table.Row{"RULE", "OUTCOME", "ABOUT", "VALUE", "LIMIT", "WEIGHT", "WHY"})
	hidden := 0
	for _, want := range []string{rules.Violated, rules.Pass, rules.NotEvaluable, rules.Missing} {
		for i := range r.Rules {
			o := &r.Rules[i]
			switch {
			case o.Outcome != want:
				continue
			case o.Cause == rules.NotBuilt && !all:
				hidden++
				continue
			}
			t.AppendRow(table.Row{name(o), outcome(o), o.Subject, show(o.Value), show(o.Limit), weigh(o), o.Reason})
		}
	}
	t.Render()
	if hidden > 0 {
		fmt.Printf("(%d rules read what no evidence of this version has; --all lists them)\n", hidden)
	}
	fmt.Println()
	t = newTable()
	t.AppendHeader(table.Row{"HYPOTHESIS", "SCORE", "FOR", "AGAINST", "SHOWN", "SENTENCE"})
	for i, h := range r.Hypotheses {
		if i > 3 && h.Score <= 0 && len(h.Shown) == 0 {
			break
		}
		t.AppendRow(table.Row{h.Name, fmt.Sprintf("%.1f", h.Score), joinedWords(h.For), joinedWords(h.Against), joinedWords(h.Shown), sentence(&h)})
	}
	t.Render()
	if n := r.NextChallenge; n != nil {
		fmt.Printf("\nnext      %s: %s\n", n.Rule, n.Ask)
		fmt.Printf("          %s\n", n.Reason)
	}
}

func name(o *verify.RuleOutcome) string {
	if o.Part == "" {
		return o.ID
	}
	return o.ID + "." + o.Part
}

func outcome(o *verify.RuleOutcome) string {
	switch {
	case o.Contradicts:
		return "CONTRADICTS"
	case o.Outcome == rules.Violated && !o.Calibrated:
		return "violated (uncalibrated)"
	}
	return o.Outcome
}

func show(v *float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("%.4g", *v)
}

func weigh(o *verify.RuleOutcome) string {
	if o.Weight == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", o.Weight)
}

func sentence(h *verify.Hypothesis) string {
	if h.Honest == "" {
		return h.Sentence
	}
	return h.Sentence + " Honest: " + h.Honest
}

func joinedWords(list []string) string {
	const most = 4
	s := ""
	for i, w := range list {
		if i == most {
			return s + fmt.Sprintf(", and %d more", len(list)-most)
		}
		if i > 0 {
			s += ", "
		}
		s += w
	}
	return s
}
