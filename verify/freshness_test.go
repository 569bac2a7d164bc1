package verify

import (
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
	"github.com/hallmark-attest/hallmark/engine"
)

// tiersOf states one model and one executable, and returns what is said of each.
func tiersOf(t *testing.T, change func(*Appraised, *engine.Engine)) (exe, model string) {
	t.Helper()
	e := serving(t)
	ap := &Appraised{auth: &Authenticated{}, proved: map[attest.Digest]bool{}}
	change(ap, e)
	ap.engineList = []engine.Engine{*e}
	ap.freshness()
	for _, f := range ap.findings {
		if f.ID != "engine.freshness" || f.Status != None || f.Assurance != Asserted {
			t.Fatalf("%+v", f)
		}
		if strings.HasPrefix(f.Check, "model") {
			model = f.Seen
		} else {
			exe = f.Seen
		}
	}
	return exe, model
}

func TestEachFreshnessHasItsTier(t *testing.T) {
	for word, want := range map[string]string{"": "T0 claimed", engine.FreshHashed: "T1 hashed:", engine.FreshStat: "T2 hashed+stat:",
		engine.FreshWatched: "T3 hashed+watched:", engine.FreshKernel: "T5 kernel-enforced:"} {
		exe, model := tiersOf(t, func(_ *Appraised, e *engine.Engine) {
			e.Models[0].Freshness, e.Process.Exe.Freshness = word, word
		})
		for _, got := range []string{exe, model} {
			if !strings.HasPrefix(got, want) || strings.Contains(got, "T4") || strings.Contains(got, "T6") {
				t.Errorf("%q: %q", word, got)
			}
		}
	}
}

func TestLoggedFilesAreSaidBesideTheNodesWord(t *testing.T) {
	entry := func(d []byte, verity bool) ima.Entry {
		return ima.Entry{PCR: ima.PCR, Understood: true, Digest: ima.Digest{Alg: "sha256", Value: d, Verity: verity}}
	}
	list := func(replays bool) func(*Appraised, *engine.Engine) {
		return func(ap *Appraised, e *engine.Engine) {
			ap.measurements = &measurements{replays: replays, entries: []ima.Entry{entry(e.Process.Exe.SHA256, false), entry(e.Models[0].Entries[0].FSVerity[:], true)}}
		}
	}
	if exe, model := tiersOf(t, list(true)); !strings.Contains(exe, "T6 IMA-logged") || !strings.Contains(model, "the hashes of 1 of 2 files") {
		t.Errorf("%q, %q", exe, model)
	}
	if exe, model := tiersOf(t, list(false)); strings.Contains(exe+model, "T6") {
		t.Errorf("the list does not replay, and yet %q, %q", exe, model)
	}
	exe, _ := tiersOf(t, func(ap *Appraised, e *engine.Engine) { // one kind of digest does not stand for the other
		ap.measurements = &measurements{replays: true, entries: []ima.Entry{entry(e.Process.Exe.SHA256, true), entry(e.Process.Exe.FSVerity, false)}}
	})
	if strings.Contains(exe, "T6") {
		t.Error(exe)
	}
}

func TestProvedBlocksAreSaidAndChangeNoTier(t *testing.T) {
	w := newBlockWorld(t, 3, vectorSizes...)
	r := w.result(nil)
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.ID == "engine.freshness" && f.Check == "model /m" })
	if i < 0 || !strings.HasPrefix(r.Findings[i].Seen, "T1 hashed") || !strings.Contains(r.Findings[i].Seen, "T4 sampled: 3 nonce-chosen blocks") {
		t.Fatalf("%+v", r.Findings)
	}
	if r.Tier != TierCommunity {
		t.Error(r.Tier)
	}
	w = newBlockWorld(t, 3, vectorSizes...)
	w.listed = false
	for _, f := range w.result(nil).Findings {
		if f.ID == "engine.freshness" && strings.Contains(f.Seen, "T4") {
			t.Errorf("blocks that could not be judged: %+v", f)
		}
	}
}
