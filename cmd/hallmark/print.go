package main

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/hallmark-attest/hallmark/verify"
)

// printFindings prints a result for people: the verdict first, then why, worst first.
func printFindings(r *verify.Result, all bool) {
	verdict := "NOT ACCEPTED"
	if r.Accepted {
		verdict = "ACCEPTED"
	}
	fmt.Printf("%s at %s (reached: %s)\n", verdict, r.Asked, r.Tier)
	if r.Node != "" {
		fmt.Printf("node      %s\n", r.Node)
	}
	if r.Received != "" {
		fmt.Printf("received  %s\n", r.Received)
	}
	fmt.Printf("ceiling   %s\n", r.Ceiling)
	for _, u := range r.Unmet {
		fmt.Printf("unmet     %s requires %s (%s)\n", u.Tier, u.Demand, u.Finding)
	}
	fmt.Println()
	t := newTable()
	t.AppendHeader(table.Row{"STATUS", "FINDING", "ASSURANCE", "WHY", "SEEN"})
	hidden := 0
	for _, s := range []verify.Status{verify.Contraindicated, verify.Warning, verify.None, verify.Affirming} {
		for _, f := range r.Findings {
			if f.Status != s {
				continue
			}
			if s == verify.Affirming && !all && r.Tier != verify.TierNone && f.ID == "kind.stated" {
				hidden++
				continue
			}
			t.AppendRow(table.Row{f.Status, f.ID, f.Assurance, f.Sentence, seen(f)})
		}
	}
	t.Render()
	if hidden > 0 {
		fmt.Printf("(%d kinds stated; --all lists them)\n", hidden)
	}
}

func seen(f verify.Finding) string {
	if f.Expected == "" || f.Status == verify.Affirming {
		return f.Check + ": " + f.Seen
	}
	return f.Check + ": expected " + f.Expected + ", seen " + f.Seen
}
