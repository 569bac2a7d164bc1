package recorder

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/attest/telemetry/store"
)

// begin makes the genesis document, and writes it to disk if it can be.
func (r *Recorder) begin(ueid attest.UEID) error {
	now := r.o.Clock.now()
	g := telemetry.Genesis{BootID: r.o.BootID, At: uint64(max(now.wall.UnixMilli(), 0)), Uptime: millis(now.boot),
		Interval: max(uint64(r.o.Interval.Milliseconds()), 1), Version: r.o.Version, UEID: ueid, Why: "first"}
	if _, err := rand.Read(g.Random[:]); err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	var facts []telemetry.Fact
	if r.o.Dir == "" {
		g.Volatile, g.Why = true, "kept in memory alone"
	} else {
		facts = r.continues(&g, ueid)
	}
	doc, err := g.Encode()
	if err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	if !g.Volatile {
		if err := r.disk.begin(doc); err != nil {
			r.o.Log.Error("telemetry is not stored", "dir", r.o.Dir, "err", err)
			facts = append(facts, telemetry.Fact{Name: telemetry.FactDisk, Text: text(err.Error())})
			g.Volatile = true
			if doc, err = g.Encode(); err != nil {
				return fmt.Errorf("telemetry: %w", err)
			}
			r.disk.later(doc)
			r.failing = true
		}
	}
	r.disk.ancestry(g, r.o.BootID)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.head = telemetry.Start(doc)
	r.doc, r.before, r.start, r.at, r.uptime, r.pending = doc, r.head, g.Uptime, g.At, g.Uptime, facts
	r.o.Log.Info("telemetry began", "genesis", r.head.Genesis.Short(), "ordinal", g.Ordinal, "stored", !g.Volatile, "previous", g.Why == "")
	return nil
}

// continues opens the store and names the chain before, or why there is none.
func (r *Recorder) continues(g *telemetry.Genesis, ueid attest.UEID) (facts []telemetry.Fact) {
	s, found, err := store.Open(r.o.Dir, ueid)
	if err != nil {
		g.Volatile, g.Why = true, text(err.Error())
		if errors.Is(err, store.ErrLocked) {
			r.o.Log.Error("telemetry is not stored", "dir", r.o.Dir, "err", err, "fix", "stop the other agent, or give it a state_dir of its own")
		} else {
			r.o.Log.Error("telemetry is not stored", "dir", r.o.Dir, "err", err)
		}
		return []telemetry.Fact{{Name: telemetry.FactDisk, Text: text(err.Error())}}
	}
	r.disk.open(s)
	for _, name := range found.Cut {
		r.o.Log.Warn("telemetry chunk does not verify and was set aside", "chunk", name)
		facts = append(facts, telemetry.Fact{Name: telemetry.FactCut, Text: text(name)})
	}
	for _, why := range found.Skipped {
		r.o.Log.Warn("telemetry folder is not continued", "why", why)
		g.Why = "a folder was not continued"
	}
	if found.Previous != nil {
		g.Previous, g.Ordinal, g.Why = found.Previous, found.Ordinal+1, ""
	}
	return telemetry.AtMost(facts, telemetry.MaxFacts/2)
}

// text makes a message fit to be a fact.
func text(s string) string {
	s = attest.Clean(s)
	if len(s) > telemetry.MaxText {
		s = attest.Clean(s[:telemetry.MaxText-3])
	}
	return s
}
