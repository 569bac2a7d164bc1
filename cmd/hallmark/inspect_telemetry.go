package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/chart"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

type telemetryFlags struct {
	on, asJSON bool
	step       time.Duration
	svg        string
}

func (f *telemetryFlags) inspect(path string) error {
	if f.step < time.Millisecond {
		return fmt.Errorf("--step %s: want 1ms or more", f.step)
	}
	b, err := readFile(path, attest.MaxRecordSize)
	if err != nil {
		return err
	}
	src, quoted, err := verify.TelemetrySource(b)
	if err != nil {
		return unlike(path, b, fmt.Errorf("%s: %w", path, err), sortRecord, sortHistory)
	}
	s, err := stretch.Summarize(src, uint64(f.step.Milliseconds()))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	checked := "its records hash in a row to the last one, and nothing here ties that to a quote: hallmark telemetry does, before it writes such a file"
	if quoted {
		checked = "its records hash to the head that the evidence states; no signature and no quote was checked: see hallmark verify"
	}
	fmt.Fprintf(os.Stderr, "hallmark: %s: %s\n", path, checked)
	cleanSummary(s)
	if f.svg != "" {
		if err := draw(f.svg, path, src, s.LengthMS); err != nil {
			return err
		}
	}
	if f.asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	}
	printTelemetry(s)
	return nil
}

// draw makes a picture, in steps of its own.
func draw(path, title string, src stretch.Source, length uint64) error {
	s, err := stretch.Summarize(src, max(1000, length/chart.Steps))
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := chart.SVG(&out, s, title); err != nil {
		return err
	}
	if err := writeFile(path, out.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "hallmark: wrote %s (%d bytes)\n", path, out.Len())
	return nil
}

// cleanSummary takes out of the node's words what a terminal would obey.
func cleanSummary(s *stretch.Summary) {
	for i := range s.Buckets {
		s.Buckets[i].GPU = attest.Clean(s.Buckets[i].GPU)
	}
	for i := range s.GPUs {
		s.GPUs[i] = attest.Clean(s.GPUs[i])
	}
	clean := func(list []stretch.Fact) {
		for i := range list {
			list[i].Name, list[i].Text = attest.Clean(list[i].Name), attest.Clean(list[i].Text)
		}
	}
	clean(s.Facts)
	for i := range s.Gaps {
		clean(s.Gaps[i].Explanation)
	}
}

// printTelemetry prints rows by time: GPUs, and between them gaps and facts.
func printTelemetry(s *stretch.Summary) {
	t := newTable()
	t.AppendHeader(table.Row{"TIME (UTC)", "GPU", "°C", "W", "SM MHZ", "BUSY %", "KJ", "HEAT %", "CAP %", "SWEEPS"})
	gap, fact := 0, 0
	events := func(until uint64) {
		for gap < len(s.Gaps) && s.GapsFrom[gap] < until {
			t.AppendRow(table.Row{at(s, s.GapsFrom[gap]), fmt.Sprintf("gap of %.1f s", float64(s.Gaps[gap].Millis)/1000)})
			gap++
		}
		for fact < len(s.Facts) && s.FactsAt[fact] < until {
			f := s.Facts[fact]
			t.AppendRow(table.Row{at(s, s.FactsAt[fact]), fmt.Sprintf("fact %s %d %s", f.Name, f.Value, f.Text)})
			fact++
		}
	}
	for i := range s.Buckets {
		b := &s.Buckets[i]
		if i > 0 && b.FromMS != s.Buckets[i-1].FromMS {
			events(b.FromMS)
		}
		t.AppendRow(table.Row{at(s, b.FromMS), b.GPU, span(b.Temperature, 1), span(b.Power, 1000), span(b.Clock, 1), span(b.Utilisation, 1),
			fmt.Sprintf("%.1f", float64(b.EnergyMJ)/1e6), share(b.Heat, b.Samples), share(b.Capped, b.Samples), b.Samples})
	}
	events(s.LengthMS + 1)
	t.Render()
	fmt.Printf("%d records over %s, %d gaps, %d facts", s.Records, time.Duration(s.LengthMS)*time.Millisecond, len(s.Gaps), len(s.Facts))
	if s.LeftOut > 0 {
		fmt.Printf(", and %d more of both", s.LeftOut)
	}
	fmt.Println()
}

func at(s *stretch.Summary, ms uint64) string {
	return time.UnixMilli(int64(s.FirstAtMS + ms)).UTC().Format("2006-01-02 15:04:05")
}

// span is least, mean and most; one number where they are the same.
func span(r stretch.Range, unit int64) string {
	switch {
	case r.N == 0:
		return "-"
	case r.Least == r.Most:
		return fmt.Sprint(r.Mean / unit)
	}
	return fmt.Sprintf("%d/%d/%d", r.Least/unit, r.Mean/unit, r.Most/unit)
}

func share(n, of int) string { return fmt.Sprintf("%.0f", 100*float64(n)/float64(max(of, 1))) }
