package bootlog_test

import (
	"testing"

	"github.com/hallmark-attest/hallmark/attest/bootlog"
)

// FuzzJudge gives hostile logs the registers that they replay to: the most that an attacker gets.
func FuzzJudge(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.raw, true)
	}
	f.Add(edit(sampleOf(f, "vm-secureboot")).header, false)
	f.Fuzz(func(t *testing.T, raw []byte, wide bool) {
		bank := uint16(sha256Bank)
		if wide {
			bank = sha384Bank
		}
		pcrs := zeros(bank)
		first := bootlog.Judge(raw, bank, pcrs)
		for _, r := range first.Registers {
			if r.Replayed != nil {
				pcrs[r.Index] = r.Replayed
			}
		}
		r := bootlog.Judge(raw, bank, pcrs)
		if r.Events > bootlog.MaxEvents {
			t.Errorf("%d events", r.Events)
		}
		on, err := r.SecureBoot.Get()
		if on && (err != nil || r.Disagree || len(r.Opinions) != 3 || !equal(t, r, 7)) {
			t.Errorf("on, with error %v, disagree %v, opinions %v", err, r.Disagree, r.Opinions)
		}
		if r.Err != nil && (r.Replays || r.CommandLines.Err() == nil || r.Components.Err() == nil) {
			t.Errorf("facts of a log that does not parse: %v", r.Err)
		}
	})
}
