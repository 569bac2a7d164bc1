package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
	"github.com/hallmark-attest/hallmark/verify"
)

// simulated is said with every result.
const simulated = "TPMs, the trust domain, GPUs, engine and certificate authorities are SIMULATED on this machine; they were believed only because the demo " +
	"gave the options that say unsafe. `hallmark verify` refuses such nodes with node.demo_root unless it is told --unsafe-demo-roots."

// row is how one party fared.
type row struct {
	Who      string      `json:"who"`
	Does     string      `json:"does"`
	Expected string      `json:"expected"` // "accepted", or a finding id
	Accepted bool        `json:"accepted"`
	Tier     verify.Tier `json:"tier"`
	Finding  string      `json:"finding"`
	Check    string      `json:"check"`
	Sentence string      `json:"sentence"`
	OK       bool        `json:"ok"` // ended as expected
	Millis   int64       `json:"ms"`
}

const acceptedText = "accepted"

// newRow compares a verdict with what was expected: a finding, or acceptance at verified where expect is empty. why
// explains an acceptance.
func newRow(who, does, expect string, v attacker.Verdict, why string, took time.Duration) row {
	r := row{Who: who, Does: does, Expected: expect, Accepted: v.Accepted, Tier: v.Tier, Finding: v.Finding, Check: v.Check,
		Sentence: v.Sentence, Millis: took.Milliseconds()}
	if expect == "" {
		r.Expected, r.OK = acceptedText, v.Accepted && v.Tier == verify.TierVerified
	} else {
		r.OK = !v.Accepted && v.Finding == expect
	}
	if r.Sentence == "" && v.Accepted {
		r.Sentence = why
	}
	return r
}

func (r *row) verdict() string {
	if r.Accepted {
		return fmt.Sprintf("accepted (%s)", r.Tier)
	}
	return fmt.Sprintf("refused (%s)", r.Tier)
}

// report prints all rows and says on errOut what differs from what was expected.
func report(out, errOut io.Writer, rows []row, took time.Duration, f flags) error {
	surprises := 0
	for _, r := range rows {
		if r.OK {
			continue
		}
		surprises++
		fmt.Fprintf(errOut, "hallmark-demo: %s: expected %s, got %s, finding %q\n", r.Who, r.Expected, r.verdict(), r.Finding)
	}
	if f.asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err := enc.Encode(map[string]any{"simulated": simulated, "rows": rows, "ok": surprises == 0, "ms": took.Milliseconds()})
		if err != nil {
			return err
		}
	} else {
		printTable(out, rows)
	}
	fmt.Fprintf(errOut, "hallmark-demo: %d rows in %v\n", len(rows), took.Round(100*time.Millisecond))
	if f.keep != "" {
		sayKept(f.keep)
	}
	if surprises > 0 {
		return fmt.Errorf("%d of %d: %w", surprises, len(rows), errSurprise)
	}
	return nil
}

func printTable(out io.Writer, rows []row) {
	t := newTable(out)
	t.AppendHeader(table.Row{"WHO", "VERDICT", "FINDING", "WHY"})
	for _, r := range rows {
		mark := ""
		if !r.OK {
			mark = " (EXPECTED " + r.Expected + ")"
		}
		t.AppendRow(table.Row{r.Who, r.verdict() + mark, r.Finding, r.Sentence})
	}
	t.Render()
	fmt.Fprintf(out, "\n%s\n", text.WrapSoft(simulated, 120))
}

func list() error {
	t := newTable(os.Stdout)
	t.AppendHeader(table.Row{"ATTACK", "ENDS WITH", "WHAT THE ATTACKER DOES"})
	for _, a := range attacker.Attacks() {
		t.AppendRow(table.Row{a.Name, cmp.Or(a.Expect, "(not seen)"), a.Does})
	}
	t.Render()
	return nil
}

func newTable(out io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	s := table.StyleLight
	s.Options = table.OptionsNoBordersAndSeparators
	s.Format.Header = text.FormatUpper
	s.Box.PaddingLeft, s.Box.PaddingRight = "", "  "
	t.SetStyle(s)
	t.SetColumnConfigs([]table.ColumnConfig{{Name: "WHY", WidthMax: 78, WidthMaxEnforcer: text.WrapSoft}})
	return t
}
