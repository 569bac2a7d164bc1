package verify

import (
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

func seconds(n uint32) *attest.WindowRequest { return &attest.WindowRequest{Seconds: n} }

func TestTwoAnswersBracketTheTimeBetweenThem(t *testing.T) {
	for name, interval := range map[string]time.Duration{"1 Hz": time.Second, "10 Hz": 100 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			g := newGPULog(t, interval, 2)
			first := g.sweeps(130).answers(seconds(60))
			second := g.sweeps(300).answers(g.since(first))
			r := g.judged(second, nil, first)
			wants(t, r, "+telemetry.shown", "+telemetry.bracketed", "+telemetry.continues", "-telemetry.gap", "-telemetry.fork", "-telemetry.not_evaluable")
			if met(r) != "met" || !r.Telemetry.Bracketed || r.Telemetry.Records != 310 || len(r.Telemetry.Gaps) != 0 {
				t.Errorf("%s, %+v", met(r), r.Telemetry)
			}
		})
	}
}

func TestOneAnswerBracketsNothing(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	r := g.judged(g.sweeps(200).answers(seconds(60)), nil)
	if wants(t, r, "+telemetry.shown", "?telemetry.unbracketed"); met(r) != "telemetry.unbracketed" {
		t.Error(met(r))
	}
	r = g.judged(g.sweeps(5).answers(nil), nil)
	if wants(t, r, "?telemetry.not_evaluable", "-telemetry.shown"); met(r) != "telemetry.not_evaluable" || r.Telemetry != nil {
		t.Error(met(r))
	}
	if v := r.Verdict.Telemetry; v == nil || v.Index != 205 || v.Genesis != g.now().heads[0].Genesis || v.StoredTo != 180 || v.BootID[0] != 1 || v.Hash != g.now().head().Hash || v.Uptime != g.uptime() {
		t.Errorf("%+v", v)
	}
}
