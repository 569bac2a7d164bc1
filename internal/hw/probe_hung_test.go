package hw

import (
	"slices"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// process is a killed probe that ends when it is told to.
type process struct{ ended bool }

func (p *process) gone() bool { return p.ended }

const a, b = "00000000:18:00.0", "00000000:2a:00.0"

func at(d time.Duration) time.Time { return time.Unix(1_800_000_000, 0).Add(d) }

func stuck(key string, d time.Duration) []gpu.Stuck {
	return []gpu.Stuck{{Key: key, Call: "nvmlDeviceGetTemperature", Millis: uint64(d.Milliseconds())}}
}

func wantSkip(t *testing.T, h hung, now time.Time, keys ...string) {
	t.Helper()
	if got := h.skip(now); !slices.Equal(got, keys) {
		t.Errorf("skips %v, want %v", got, keys)
	}
}

func TestHungGPUIsReplacedForAfterAWhile(t *testing.T) {
	h := make(hung)
	if h.seen(at(0), stuck(a, 700*time.Millisecond)) != nil || h.seen(at(4*time.Second), stuck(a, 4700*time.Millisecond)) != nil {
		t.Error("replaced too early")
	}
	if due := h.seen(at(5*time.Second), stuck(a, 5700*time.Millisecond)); due == nil || due.Key != a {
		t.Errorf("due: %v", due)
	}
	wantSkip(t, h, at(5*time.Second))
}

func TestSlowGPUIsForgotten(t *testing.T) {
	h := make(hung)
	h.seen(at(0), stuck(a, time.Second))
	h.seen(at(time.Second), nil)
	if len(h) != 0 || h.seen(at(6*time.Second), stuck(a, time.Second)) != nil {
		t.Errorf("%v: two slow calls are one that hangs", h)
	}
}

func TestFirstCallMayTakeLonger(t *testing.T) {
	h, init := make(hung), []gpu.Stuck{{Key: "#3", Call: "nvmlDeviceGetHandleByIndex_v2", Millis: 20000}}
	if h.seen(at(0), init) != nil {
		t.Error("a GPU that is being initialised was taken for a hung one")
	}
	if init[0].Millis = 30000; h.seen(at(10*time.Second), init) == nil {
		t.Error("never due")
	}
}

func TestPauseDoublesUpToItsLimit(t *testing.T) {
	h, now := make(hung), at(0)
	for _, pause := range []time.Duration{5, 10, 20, 40, 80, 160, 300, 300} {
		if h.seen(now, stuck(a, hungGrace)) == nil {
			t.Fatal("not due")
		}
		h.leave(now, &process{ended: true})
		wantSkip(t, h, now.Add(pause*time.Second-1), a)
		now = now.Add(pause * time.Second)
		wantSkip(t, h, now)
	}
	h.seen(now, nil)
	h.seen(now.Add(maxLeave-1), nil)
	if len(h) != 1 {
		t.Error("forgiven before it was well for as long as it was left alone")
	}
	if h.seen(now.Add(maxLeave), nil); len(h) != 0 {
		t.Error("never forgiven")
	}
}

func TestGPUIsLeftAloneWhileAProcessHangsInIt(t *testing.T) {
	h, p := make(hung), &process{}
	h.seen(at(0), append(stuck(a, hungGrace), stuck(b, time.Second)...))
	h.leave(at(0), p)
	wantSkip(t, h, at(time.Hour), a, b) // both were stuck in it
	p.ended = true
	wantSkip(t, h, at(time.Hour))
}

func TestGPUKeepsItsAddressWhereItsHandleHangs(t *testing.T) {
	h := make(hung)
	first := stuck(a, hungGrace)
	first[0].Index = 3
	h.seen(at(0), first)
	h.leave(at(0), &process{ended: true})
	later := []gpu.Stuck{{Key: "#3", Index: 3, Call: "nvmlDeviceGetPciInfo_v3", Millis: 500}}
	s := &gpu.Sweep{Stuck: slices.Clone(later), Absent: []attest.Absence{
		attest.Absent("gpu[#3]", attest.Timeout, "%s", later[0].Detail()), attest.Absent("gpu["+a+"]", attest.Timeout, "left alone"),
	}}
	h.seen(at(time.Second), later)
	h.address(s)
	if len(h) != 1 || len(s.Absent) != 1 || s.Absent[0].What != "gpu["+a+"]" || s.Stuck[0].Key != a {
		t.Errorf("%v, %+v", h, s)
	}
	if h.seen(at(6*time.Second), later) == nil {
		t.Error("not due")
	}
	h.leave(at(6*time.Second), &process{ended: true})
	wantSkip(t, h, at(15*time.Second), "#3", a)
	wantSkip(t, h, at(16*time.Second))
}
