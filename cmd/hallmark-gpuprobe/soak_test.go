package main_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/internal/sim/nvml"
)

// soakMinutes is for how long troubles follow one another; default a handful of them,
// `make soak` an hour.
const soakMinutes = "HALLMARK_SOAK_MINUTES"

// trouble is one fault of the driver, and what must then stand in the records.
type trouble struct {
	name string
	conf func(c *nvml.Conf, gpu int)
	seen func(s *soak, r *telemetry.Record, gpu int) bool
}

var troubles = []trouble{
	{"lost GPU", func(c *nvml.Conf, n int) { c.Lost = &n }, alone(attest.Failed, "NVML 15")},
	{"no handle", func(c *nvml.Conf, n int) { c.LostHandle = &n }, func(_ *soak, r *telemetry.Record, _ int) bool { return len(r.Devices) == 7 }},
	{"hanging GPU", func(c *nvml.Conf, n int) { c.HangGPU = &n }, alone(attest.Timeout, "has not returned")},
	{"hanging call", func(c *nvml.Conf, n int) { c.HangGPU, c.HangCall = &n, "nvmlDeviceGetUtilizationRates" }, alone(attest.Timeout, "nvmlDeviceGetUtilizationRates has not returned")},
	{"short hang", func(c *nvml.Conf, n int) { c.HangGPU, c.HangSeconds = &n, 2 }, alone(attest.Timeout, "has not returned")},
	{"all hang", func(c *nvml.Conf, _ int) { c.HangCall = "nvmlDeviceGetCount_v2" }, whole(attest.Timeout, "")},
	{"crash", func(c *nvml.Conf, _ int) { c.CrashCall = "nvmlDeviceGetFieldValues" }, whole(attest.Crashed, "")},
	{"driver not loaded", func(c *nvml.Conf, _ int) { c.Mode, c.DriverReload = nvml.ModeNotLoaded, ptr(float64(nvml.Now)) }, whole(attest.NotLoaded, "")},
	{"driver reload", func(c *nvml.Conf, _ int) { c.DriverReload = ptr(float64(nvml.Now)) }, whole(attest.NotLoaded, "")},
	{"no permission", func(c *nvml.Conf, _ int) { c.NoPermission = "nvmlDeviceGetUtilizationRates" }, absent("gpu[*].gpu_percent", attest.NotPermitted)},
	{"MIG", func(c *nvml.Conf, n int) { c.MIG = &n }, func(s *soak, r *telemetry.Record, n int) bool {
		d := r.Device(s.keys[n])
		if d == nil {
			return false
		}
		_, there := d.Values.Get(telemetry.GPUUtilisation)
		return !there && named(r, "gpu["+s.keys[n]+"].gpu_percent", attest.NotSupported, "")
	}},
	{"counter back", func(c *nvml.Conf, n int) { c.CounterBack = &nvml.Fault{GPU: n, Second: nvml.Now} }, func(s *soak, r *telemetry.Record, n int) bool {
		e, ok := energy(r, s.keys[n])
		return ok && e < s.energy[n]
	}},
	{"frozen", func(c *nvml.Conf, n int) { c.Frozen = &nvml.Fault{GPU: n, Second: nvml.Now} }, func(s *soak, r *telemetry.Record, n int) bool {
		e, ok := energy(r, s.keys[n])
		return ok && e == s.energy[n]
	}},
	{"faked utilisation", func(c *nvml.Conf, _ int) { c.FakeUtilisation = ptr(100) }, func(s *soak, r *telemetry.Record, n int) bool {
		d := r.Device(s.keys[n])
		if d == nil {
			return false
		}
		v, _ := d.Values.Get(telemetry.GPUUtilisation)
		mw, _ := d.Values.Get(telemetry.InstantPower)
		return v == 100 && mw < 100_000
	}},
	{"Xid", func(c *nvml.Conf, n int) { c.Xids = []nvml.Xid{{GPU: n, Code: 79, Second: nvml.Now}} }, func(s *soak, r *telemetry.Record, n int) bool {
		for _, f := range r.Facts {
			if f.Name == telemetry.FactXid && f.Value == 79 && f.Text == s.keys[n] {
				return true
			}
		}
		return false
	}},
}

// alone: one GPU is absent for that reason, and all others give what they gave.
func alone(reason attest.Reason, detail string) func(*soak, *telemetry.Record, int) bool {
	return func(s *soak, r *telemetry.Record, n int) bool {
		if len(r.Devices) != 7 || r.Device(s.keys[n]) != nil || !named(r, "gpu["+s.keys[n]+"]", reason, detail) {
			return false
		}
		for _, d := range r.Devices {
			if _, ok := d.Values.Get(telemetry.Energy); !ok {
				return false
			}
		}
		return true
	}
}

// whole: nothing is read of any GPU.
func whole(reason attest.Reason, detail string) func(*soak, *telemetry.Record, int) bool {
	return func(_ *soak, r *telemetry.Record, _ int) bool {
		return len(r.Devices) == 0 && named(r, "gpu", reason, detail)
	}
}

func absent(what string, reason attest.Reason) func(*soak, *telemetry.Record, int) bool {
	return func(_ *soak, r *telemetry.Record, _ int) bool {
		return len(r.Devices) == 8 && named(r, what, reason, "")
	}
}

func named(r *telemetry.Record, what string, reason attest.Reason, detail string) bool {
	for _, a := range r.Absent {
		if a.What == what && a.Reason == reason && strings.Contains(a.Detail, detail) {
			return true
		}
	}
	return false
}

func energy(r *telemetry.Record, key string) (int64, bool) {
	d := r.Device(key)
	if d == nil {
		return 0, false
	}
	return d.Values.Get(telemetry.Energy)
}

func ptr[T any](v T) *T { return &v }

// soak is a recorder over the real probe and the simulated driver.
type soak struct {
	*host
	r      *recorder.Recorder
	base   nvml.Conf
	next   recorder.Cursor
	keys   []string
	energy []int64 // when the trouble began
	trail  []string
}

// TestAgentSurvivesEveryTrouble: the chain goes on, absences are the right ones, and
// nothing is left behind.
func TestAgentSurvivesEveryTrouble(t *testing.T) {
	minutes, err := strconv.Atoi(os.Getenv(soakMinutes))
	short := err != nil
	s := newSoak(t)
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	fds, goroutines, memory := usage()
	rounds := 0
	for end := time.Now().Add(time.Duration(minutes) * time.Minute); ; rounds++ {
		list := random.Perm(len(troubles))
		if short {
			list = list[:5]
		}
		for _, i := range list {
			if !short && time.Now().After(end) {
				break
			}
			s.suffer(troubles[i], random.IntN(8))
		}
		if short || time.Now().After(end) {
			break
		}
		if rounds == 0 { // everything that is made once was made
			fds, goroutines, memory = usage()
		}
	}
	c, err := s.r.Claims()
	if err != nil {
		t.Fatal(err)
	}
	f, g, m := usage()
	t.Logf("%d records, %d sweeps missed; %d descriptors, then %d; %d goroutines, then %d; %d MiB resident, then %d; probes %d: %s", c.Index, c.Missed, fds, f, goroutines, g,
		memory>>20, m>>20, len(children()), strings.Join(s.trail, ", "))
	if f > fds+8 || g > goroutines+12 || m > memory+32<<20 || len(children()) > 1 {
		t.Error("something leaks")
	}
}

func newSoak(t *testing.T) *soak {
	base := nvml.Conf{}
	base.LoadScript, base.LoadRepeat = []nvml.LoadPoint{{Second: 0, Percent: 10}, {Second: 10, Percent: 90}, {Second: 20, Percent: 10}}, 20
	base.EpochMillis = nvml.BootMillis()
	base.StateFile = filepath.Join(t.TempDir(), "state")
	s := &soak{host: newHost(t, nvml.Full, base), base: base}
	s.r = recorder.New(recorder.Options{Sweeper: s.probe, Interval: 250 * time.Millisecond, Dir: t.TempDir(), Version: "soak", Clock: recorder.HostClock(),
		Log: slog.New(slog.DiscardHandler), Minute: 5 * time.Second})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.r.Run(ctx, attest.UEID{1}) }()
	t.Cleanup(func() { cancel(); <-done })
	s.await("eight GPUs", time.Minute, func(r *telemetry.Record) bool {
		if len(r.Devices) != 8 {
			return false
		}
		for _, d := range r.Devices {
			s.keys = append(s.keys, d.Key)
		}
		return true
	})
	return s
}

// fallen is the energy, in mJ, of which a quarter is more than a GPU takes in three seconds: a counter
// that a reload has just cleared gains more between two records than it loses by going back.
const fallen = 4 * 3 * 700_000

// suffer sets a trouble, waits for it to be seen, takes it away, and waits for all to be well.
func (s *soak) suffer(x trouble, n int) {
	s.t.Helper()
	c := s.base
	x.conf(&c, n)
	s.energy = make([]int64, 8)
	s.await("values before "+x.name, 3*time.Minute, func(r *telemetry.Record) bool {
		for i, key := range s.keys {
			s.energy[i], _ = energy(r, key)
		}
		return len(r.Devices) == 8 && (c.CounterBack == nil || s.energy[n] > fallen)
	})
	s.conf(c)
	begin := time.Now()
	s.await(fmt.Sprintf("%s of GPU %d", x.name, n), time.Minute, func(r *telemetry.Record) bool {
		if x.seen(s, r, n) {
			return true
		}
		for i, key := range s.keys {
			if e, ok := energy(r, key); ok {
				s.energy[i] = e
			}
		}
		return false
	})
	saw := time.Since(begin)
	time.Sleep(time.Second)
	s.conf(s.base)
	begin = time.Now()
	s.await("recovery from "+x.name, 7*time.Minute, func(r *telemetry.Record) bool {
		if len(r.Devices) != 8 {
			return false
		}
		_, utilised := r.Devices[n].Values.Get(telemetry.GPUUtilisation)
		return utilised
	})
	s.trail = append(s.trail, fmt.Sprintf("%s %.1f s, well after %.1f s", x.name, saw.Seconds(), time.Since(begin).Seconds()))
}

// await looks at every record behind those looked at before, verified, until f is true of one.
func (s *soak) await(what string, within time.Duration, f func(*telemetry.Record) bool) {
	s.t.Helper()
	var last *telemetry.Record
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		head, ok := s.r.Head()
		if !ok {
			continue
		}
		if s.next.Genesis != head.Genesis {
			s.next = recorder.Cursor{Genesis: head.Genesis, First: 1}
		}
		if s.next.First > head.Index {
			continue
		}
		chunks, _, err := s.r.Chunks(s.t.Context(), s.next, 1<<20)
		if err != nil {
			s.t.Fatalf("%s: %v", what, err)
		}
		for _, b := range chunks {
			c, err := telemetry.ParseChunk(b)
			if err != nil {
				s.t.Fatal(err)
			}
			list, heads, err := c.Verify()
			if err != nil {
				s.t.Fatal(err)
			}
			for i, r := range list {
				if heads[i].Index < s.next.First {
					continue
				}
				s.next.First = heads[i].Index + 1
				if last = r; f(r) {
					return
				}
			}
		}
	}
	s.t.Logf("before it: %s", strings.Join(s.trail, ", "))
	if last == nil {
		s.t.Fatalf("%s: no record", what)
	}
	s.t.Fatalf("%s: not seen; the last record has %d GPUs, absent %v, facts %v", what, len(last.Devices), last.Absent, last.Facts)
}

func usage() (fds, goroutines int, resident int64) {
	runtime.GC()
	list, _ := os.ReadDir("/proc/self/fd")
	b, _ := os.ReadFile("/proc/self/statm")
	if f := strings.Fields(string(b)); len(f) > 1 {
		pages, _ := strconv.ParseInt(f[1], 10, 64)
		resident = pages * int64(os.Getpagesize())
	}
	return len(list), runtime.NumGoroutine(), resident
}

// children are the processes that this one started and that live, or were not waited for.
func children() (pids []string) {
	files, _ := filepath.Glob("/proc/self/task/*/children")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		pids = append(pids, strings.Fields(string(b))...)
	}
	return pids
}
