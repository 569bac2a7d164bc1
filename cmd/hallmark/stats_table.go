package main

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/hallmark-attest/hallmark/stats"
)

// statsTable prints what each method found, then why what decides nothing does not.
func statsTable(results []*stats.Result) {
	t := newTable()
	t.AppendHeader(table.Row{"NODE", "METHOD", "DECISION", "VALUE", "P", "BESIDE IT", "FLAGS"})
	paper := false
	var reasons []string
	nodes := map[string][]string{}
	for _, r := range results {
		what := string(r.Method.Name)
		if r.Sample.Set != "" && r.Sample.Set != stats.General {
			what += " (" + string(r.Sample.Set) + ")"
		}
		value, beside := shown(r)
		paper = paper || strings.Contains(beside, "D/sigma_max")
		t.AppendRow(table.Row{r.Subject.NodeID, what, r.Decision, value, pValue(r), beside, flagText(r.Flags)})
		if r.Reason != "" {
			why := what + ": " + r.Reason
			if nodes[why] == nil {
				reasons = append(reasons, why)
			}
			nodes[why] = append(nodes[why], r.Subject.NodeID)
		}
	}
	t.Render()
	if len(reasons) > 0 {
		fmt.Println()
	}
	for _, why := range reasons {
		fmt.Printf("%s: %s\n", nodeList(nodes[why]), why)
	}
	if paper {
		fmt.Println("\nT: 1 is the same model; against a reference 1.9 is flagged, act on 2 of 3 epochs. D/sigma_max is the paper's ratio and no threshold: the same model\nscores 16 to 23 on it at 5 repeats and 768 dimensions. Nothing here is calibrated on your domain. See docs/statistics.md.")
	}
}

// shown is a record's own number, and those worth seeing beside it.
func shown(r *stats.Result) (value, beside string) {
	switch r.Method.Name {
	case stats.EmbeddingScore:
		return number(r, "t", "T %.2f"), join(number(r, "d_over_sigma_max", "D/sigma_max %.1f"), number(r, "d_ave", "D_ave %.4f"), number(r, "noise_distance", "of noise %.4f"))
	case stats.EnergyDistance:
		return number(r, "energy", "E %.3f"), number(r, "scatter_ratio", "scatter %.2f x reference")
	case stats.LatencyMethod:
		if r.Latency == nil {
			return "", ""
		}
		return number(r, "ttft_shift", "TTFT %+.0f ms"), join(summaryText("TTFT", r.Latency.TTFT, "ms"), summaryText("inter-token", r.Latency.ITL, "ms"), summaryText("tokens", r.Latency.TokensPerSecond, "/s"))
	case stats.HTTPOutcomes:
		for _, s := range r.Stats {
			if s.Name == "error_rate" && s.CI95 != nil {
				beside = fmt.Sprintf("within %.1f and %.1f %%, %d attempts", 100*s.CI95[0], 100*s.CI95[1], s.N)
			}
		}
		return number(r, "error_rate", "errors %.3f"), beside
	}
	for _, s := range r.Stats {
		beside = join(beside, number(r, s.Name, s.Name+" %.4g"))
	}
	return "", beside
}

func number(r *stats.Result, name, format string) string {
	for _, s := range r.Stats {
		if s.Name == name && s.Value != nil {
			return fmt.Sprintf(format, *s.Value)
		}
	}
	return ""
}

func summaryText(what string, s *stats.Summary, unit string) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("%s %.0f (p95 %.0f) %s", what, s.P50, s.P95, unit)
}

func pValue(r *stats.Result) string {
	if r.PValue == nil {
		return ""
	}
	return fmt.Sprintf("%.2g", *r.PValue)
}

func flagText(flags []stats.Flag) string {
	var s []string
	for _, f := range flags {
		s = append(s, string(f))
	}
	return strings.Join(s, " ")
}

func join(parts ...string) string {
	var s []string
	for _, p := range parts {
		if p != "" {
			s = append(s, p)
		}
	}
	return strings.Join(s, ", ")
}

func nodeList(ids []string) string {
	const most = 5
	if len(ids) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(ids[:most], ", "), len(ids)-most)
	}
	return strings.Join(ids, ", ")
}
