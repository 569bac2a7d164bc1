package hw

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/gpu"
)

// fakeSweep is what the child of these tests answers: GPU a, unless it is skipped.
func fakeSweep(behaviour string, params []byte) *gpu.Sweep {
	p, err := gpu.ParseSweepParams(params)
	if err != nil {
		panic(err)
	}
	s := &gpu.Sweep{Devices: []telemetry.Device{}}
	switch behaviour {
	case "hang":
		time.Sleep(time.Hour)
	case "slow":
		time.Sleep(500 * time.Millisecond)
		s.Facts = []telemetry.Fact{{Name: telemetry.FactXid, Value: 79, Text: a}}
	case "xids":
		for n := range int64(40) {
			s.Facts = append(s.Facts, telemetry.Fact{Name: telemetry.FactXid, Value: n, Text: a})
		}
	case "crash":
		os.Exit(127)
	case "stuck":
		if !slices.Contains(p.Skip, a) {
			s.Stuck = stuck(a, hungGrace)
			s.Absent = []attest.Absence{attest.Absent("gpu["+a+"]", attest.Timeout, "%s", s.Stuck[0].Detail())}
			return s
		}
	}
	if !slices.Contains(p.Skip, a) {
		s.Devices = append(s.Devices, telemetry.Device{Key: a, Values: telemetry.Values{int64(telemetry.Energy), int64(p.BudgetMillis)}})
	}
	return s
}

func sweepWithin(t *testing.T, p *Probe, d time.Duration) (*gpu.Sweep, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	begin := time.Now()
	s, err := p.Sweep(ctx, gpu.SweepParams{})
	if took := time.Since(begin); took > d+late {
		t.Errorf("answered after %s, the deadline was %s", took, d)
	}
	return s, err
}

func TestSweepAndSnapshotShareOneProcess(t *testing.T) {
	p := newTestProbe(t, "ok")
	s, err := sweepWithin(t, p, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	pid := p.PID()
	if v, _ := s.Devices[0].Values.Get(telemetry.Energy); v != sweepBudget.Milliseconds() {
		t.Errorf("budget %d ms", v)
	}
	if err := askWithin(t, p, 5*time.Second); err != nil || p.PID() != pid || len(s.Facts) != 0 {
		t.Errorf("pid %d, then %d, %v, %v", pid, p.PID(), err, s.Facts)
	}
}

func TestSweepThatIsLateGoesOnBehindItsCaller(t *testing.T) {
	p := newTestProbe(t, "slow")
	_, err := sweepWithin(t, p, 100*time.Millisecond)
	want(t, err, attest.Timeout, "not answered yet")
	_, err = sweepWithin(t, p, 10*time.Millisecond)
	want(t, err, attest.Timeout, "still in flight")
	s, err := sweepWithin(t, p, 10*time.Second)
	if err != nil || len(s.Facts) != 2 {
		t.Errorf("the same process, and the Xid of both sweeps: %v, %+v", err, s)
	}
	if p.failures != 0 {
		t.Errorf("%d failures", p.failures)
	}
}

// TestSweepSaysHowManyFactsDidNotFit: events that nobody can read must not vanish unsaid.
func TestSweepSaysHowManyFactsDidNotFit(t *testing.T) {
	p := newTestProbe(t, "xids")
	for range 60 {
		p.tell(telemetry.Fact{Name: telemetry.FactProbe}, telemetry.Fact{Name: telemetry.FactProbe})
	}
	s, err := sweepWithin(t, p, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	last := s.Facts[len(s.Facts)-1]
	if len(s.Facts) != telemetry.MaxFacts || last.Name != telemetry.FactOmitted || last.Value != 120+40-(telemetry.MaxFacts-1) {
		t.Errorf("%d facts, the last %+v", len(s.Facts), last)
	}
}

func TestSweepBehindAHungRequestMeetsItsDeadline(t *testing.T) {
	p := newTestProbe(t, "hang")
	go p.Snapshot(t.Context())
	time.Sleep(200 * time.Millisecond)
	_, err := sweepWithin(t, p, 100*time.Millisecond)
	want(t, err, attest.Timeout, "still in flight")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Sweep(ctx, gpu.SweepParams{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestStuckProbeIsReplacedAtOnceAndLeavesTheGPUAlone(t *testing.T) {
	p := newTestProbe(t, "stuck")
	if _, err := sweepWithin(t, p, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	s, err := sweepWithin(t, p, 5*time.Second)
	if err != nil || len(s.Stuck) != 0 || len(s.Devices) != 0 {
		t.Fatalf("%v, %+v", err, s)
	}
	if len(s.Facts) != 1 || s.Facts[0].Value != int64(p.PID()) || !strings.HasPrefix(s.Facts[0].Text, a+": nvmlDeviceGetTemperature has not returned") {
		t.Errorf("%+v, pid %d", s.Facts, p.PID())
	}
	if f := p.Facts(); len(f) != 0 {
		t.Errorf("told twice: %v", f)
	}
}

func TestNoMoreThanTwoProcessesAreLeftBehind(t *testing.T) {
	p := newTestProbe(t, "stuck")
	for range maxBehind { // killed, and the kernel does not let them go
		p.behind = append(p.behind, &child{done: make(chan struct{})})
	}
	if _, err := sweepWithin(t, p, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	pid := p.PID()
	s, err := sweepWithin(t, p, 5*time.Second)
	if err != nil || p.PID() != pid || len(s.Stuck) != 1 {
		t.Errorf("pid %d, then %d: want the probe to go on; %v", pid, p.PID(), err)
	}
	close(p.behind[0].done)
	sweepWithin(t, p, 5*time.Second)
	if s, err := sweepWithin(t, p, 5*time.Second); err != nil || p.PID() == pid || len(s.Stuck) != 0 {
		t.Errorf("once one has ended the probe is replaced: %v", err)
	}
}

func TestSweepsLeakNothing(t *testing.T) {
	cycle := func() {
		for _, behaviour := range []string{"ok", "crash", "hang", "slow", "stuck"} {
			p := newTestProbe(t, behaviour)
			for range 3 {
				sweepWithin(t, p, 300*time.Millisecond)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	cycle()
	time.Sleep(time.Second)
	fds, goroutines := settle()
	cycle()
	cycle()
	for range 100 {
		if f, g := settle(); f <= fds && g <= goroutines {
			return
		}
	}
	f, g := settle()
	t.Errorf("%d descriptors and %d goroutines, then %d and %d", fds, goroutines, f, g)
}
