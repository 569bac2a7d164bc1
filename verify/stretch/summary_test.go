package stretch_test

import (
	"testing"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

func TestSummaryTellsOfEachGPUOverEachStep(t *testing.T) {
	m := newMaker(t, 2)
	m.edit = func(i int, r *telemetry.Record) {
		set(r, telemetry.GPUTemperature, int64(40+i%60))
		set(r, telemetry.AveragePower, 500_000)
		set(r, telemetry.Energy, int64(i)*500_000)
		set(r, telemetry.Reasons, map[bool]int64{true: 0x40, false: 0x4}[i < 30])
		if i == 70 {
			r.At -= 1_000_000
			r.Facts = []telemetry.Fact{{Name: telemetry.FactClock, Value: -1_000_000}}
		}
	}
	m.records(120)
	m.skip = 30_000
	m.edit = nil
	m.records(60)
	s, err := stretch.Summarize(m.source(), 60_000)
	if err != nil {
		t.Fatal(err)
	}
	if s.Records != 180 || len(s.GPUs) != 2 || s.LengthMS != 119_000+31_000+59_000 || s.FirstAtMS != 1_700_000_006_000 {
		t.Fatalf("%d records of %v over %d ms from %d", s.Records, s.GPUs, s.LengthMS, s.FirstAtMS)
	}
	if len(s.Gaps) != 1 || s.GapsFrom[0] != 119_000 || s.Gaps[0].Millis != 31_000 || len(s.Facts) != 1 || s.FactsAt[0] != 70_000 {
		t.Errorf("%+v at %v, %+v at %v", s.Gaps, s.GapsFrom, s.Facts, s.FactsAt)
	}
	b := s.Buckets[0]
	if b.GPU != s.GPUs[0] || b.Samples != 60 || b.Temperature.Least != 40 || b.Temperature.Most != 99 || b.Temperature.Mean != 69 || b.EnergyMJ != 59*500_000 || b.Heat != 30 || b.Capped != 30 {
		t.Errorf("%+v", b)
	}
	if b := s.Buckets[1]; b.GPU != s.GPUs[1] || b.FromMS != 0 {
		t.Errorf("%+v", b)
	}
	if n := len(s.Buckets); n != 8 { // two minutes, half of the next, and what is left of the fourth
		t.Errorf("%d rows", n)
	}
}

func TestSummaryIsOfNothingThatDoesNotHash(t *testing.T) {
	m := newMaker(t, 1).records(70)
	src := m.source()
	src.Head.Hash[3] ^= 1
	if _, err := stretch.Summarize(src, 1000); err == nil {
		t.Error("summed up")
	}
	if _, err := stretch.Summarize(m.source(), 0); err == nil {
		t.Error("a step of nothing")
	}
	m.skip = 1 << 43
	if _, err := stretch.Summarize(m.records(1).source(), 1000); err == nil {
		t.Error("a century")
	}
}
