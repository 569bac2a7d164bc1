package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/internal/sim/sweeps"
)

// writeSweeps FILE writes a history of three minutes of two GPUs, one of which has a name that no terminal should see.
func writeSweeps(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sweeps FILE")
	}
	doc, err := (&telemetry.Genesis{Random: attest.Digest{1}, Interval: 1000, Version: "test", Why: "first"}).Encode()
	ts.Check(err)
	host, at, h := sweeps.New(2, 1, 4), telemetry.Start(doc), telemetry.History{Genesis: [][]byte{doc}, Trail: []attest.Digest{}, Anchors: []telemetry.Anchor{}}
	uptime := uint64(5000)
	for minute := range 3 {
		var list []*telemetry.Record
		for i := range 60 {
			uptime += 1000
			if minute == 1 && i == 10 {
				uptime += 20_000
			}
			r := host.Next(1_795_000_000_000 + uptime)
			r.At, r.Uptime, r.Devices[1].Key = 1_795_000_000_000+uptime, uptime, "evil</title>\x1b[31m"
			if minute == 1 && i == 10 {
				r.Facts = []telemetry.Fact{{Name: telemetry.FactMissed, Value: 20, Text: "busy\x1b[2J"}}
			}
			list = append(list, r)
		}
		c, err := telemetry.NewChunk(at, list)
		ts.Check(err)
		b, err := c.Encode()
		ts.Check(err)
		h.Chunks, at = append(h.Chunks, b), c.End()
	}
	b, err := attest.Marshal(h)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// Who meets a limit finds it in the help.
func TestHelpNamesTheLimitsOfAHistory(t *testing.T) {
	cmd := telemetryCommand()
	if f := cmd.Flags().Lookup("last-index"); !strings.Contains(f.Usage, "6000") || !strings.Contains(cmd.Long, "16 MiB") || !strings.Contains(cmd.Long, "6000") {
		t.Errorf("%s\n%s", f.Usage, cmd.Long)
	}
}

func TestRecordsWantedAreThoseOfTheChain(t *testing.T) {
	doc, err := (&telemetry.Genesis{Random: attest.Digest{1}, Interval: 2000, Version: "test", Why: "first"}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	claims := &telemetry.Claims{Genesis: doc}
	for name, c := range map[string]struct {
		index uint64
		f     historyFlags
		first uint64
		last  uint64
		want  string
	}{
		"an hour":             {10_000, historyFlags{last: time.Hour}, 8200, 10_000, ""},
		"more than there is":  {100, historyFlags{last: time.Hour}, 1, 100, ""},
		"named":               {100, historyFlags{first: 5, lastIndex: 7}, 5, 7, ""},
		"from there on":       {100, historyFlags{first: 5}, 5, 100, ""},
		"not quoted yet":      {100, historyFlags{first: 5, lastIndex: 101}, 0, 0, "later answer"},
		"first not quoted":    {100, historyFlags{first: 101}, 0, 0, "later answer"},
		"no record":           {0, historyFlags{last: time.Hour}, 0, 0, "no record yet"},
		"the way is long":     {10_000, historyFlags{first: 5, lastIndex: 4000}, 5, 4000, ""},
		"the way is too long": {10_000, historyFlags{first: 5, lastIndex: 3999}, 0, 0, "6000 records"},
	} {
		got, err := c.f.records(telemetry.Head{Index: c.index}, claims)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", name, err)
			}
		} else if err != nil || got.First != c.first || got.Last != c.last || got.Head.Index != c.index {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
