package gpu

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// someSweep is a sweep of n GPUs with all fields that a GPU as a whole has.
func someSweep(n int) *Sweep {
	s := &Sweep{
		Absent: []attest.Absence{attest.Absent("gpu[*].margin_c", attest.NotSupported, "NVML 3: not supported")},
		Facts:  []telemetry.Fact{{Name: telemetry.FactXid, Value: 79, Text: "00000000:18:00.0"}},
		Stuck:  []Stuck{{Key: "00000000:99:00.0", Call: "nvmlDeviceGetFieldValues", Millis: 1200}},
	}
	for i := range n {
		d := telemetry.Device{Key: fmt.Sprintf("00000000:%02x:00.0", 16+i)}
		for j, f := range telemetry.Fields() {
			d.Values.Set(f.Field, int64(j)*1e9+int64(i))
		}
		used := uint64(70 << 30)
		d.Processes = []telemetry.Process{{PID: 4242, UsedBytes: &used}, {PID: 4243}}
		s.Devices = append(s.Devices, d)
	}
	return s
}

func encoded(t testing.TB, v any) []byte {
	t.Helper()
	b, err := attest.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSweepSurvivesTheWire(t *testing.T) {
	want := someSweep(8)
	got, err := ParseSweep(encoded(t, want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestParseSweepRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Sweep){
		"unsorted GPUs":   func(s *Sweep) { s.Devices[0], s.Devices[1] = s.Devices[1], s.Devices[0] },
		"odd values":      func(s *Sweep) { s.Devices[0].Values = s.Devices[0].Values[1:] },
		"long text":       func(s *Sweep) { s.Facts[0].Text = strings.Repeat("x", telemetry.MaxText+1) },
		"unknown reason":  func(s *Sweep) { s.Absent[0].Reason = "bored" },
		"stuck nameless":  func(s *Sweep) { s.Stuck[0].Key = "" },
		"stuck long call": func(s *Sweep) { s.Stuck[0].Call = strings.Repeat("x", MaxText+1) },
		"many stuck":      func(s *Sweep) { s.Stuck = make([]Stuck, MaxDevices+1) },
	} {
		s := someSweep(2)
		spoil(s)
		if _, err := ParseSweep(encoded(t, s)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestParamsFitARequestAndAreLimited(t *testing.T) {
	p := SweepParams{Minute: true, BudgetMillis: 700}
	for i := range MaxDevices {
		p.Skip = append(p.Skip, fmt.Sprintf("00000000:%02x:00.0", i))
	}
	var b bytes.Buffer
	if err := WriteFrame(&b, Request{ID: 1, Method: MethodSweep, Params: encoded(t, p)}, MaxRequestSize); err != nil {
		t.Fatal(err)
	}
	q, err := ReadRequest(&b)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseSweepParams(q.Params); err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := ParseSnapshotParams(nil); err != nil || got.BudgetMillis != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	for name, bad := range map[string]SweepParams{
		"budget": {BudgetMillis: MaxBudgetMillis + 1},
		"skip":   {Skip: append(p.Skip, "x")},
		"key":    {Skip: []string{""}},
	} {
		if _, err := ParseSweepParams(encoded(t, bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParseSweep(f *testing.F) {
	f.Add(encoded(f, someSweep(1)))
	f.Add(encoded(f, &Sweep{Devices: []telemetry.Device{}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSweep(b)
		if err != nil {
			return
		}
		again, err := ParseSweep(encoded(t, s))
		if err != nil || !bytes.Equal(encoded(t, again), encoded(t, s)) {
			t.Errorf("accepted %x and reads it otherwise the second time: %v", b, err)
		}
	})
}

func BenchmarkParseSweep(b *testing.B) {
	in := encoded(b, someSweep(8))
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseSweep(in); err != nil {
			b.Fatal(err)
		}
	}
}

func TestClaimsTellWhichGPUsAreStuck(t *testing.T) {
	want := Stuck{Key: "00000000:18:00.0", Call: "nvmlDeviceGetSerial", Millis: 812}
	c := &Claims{Absent: []attest.Absence{
		attest.Absent("gpu["+want.Key+"]", attest.Timeout, "%s", want.Detail()),
		attest.Absent("gpu[*]", attest.Timeout, "%s", want.Detail()),
		attest.Absent("gpu[00000000:2a:00.0]", attest.Timeout, "it hung, and is left alone for a while"),
		attest.Absent("gpu[00000000:3a:00.0].serial", attest.Timeout, "NVML 10: timeout"),
		attest.Absent("gpu[00000000:3a:00.0]", attest.Failed, "%s", want.Detail()),
	}}
	if got := c.Stuck(); len(got) != 1 || got[0] != want {
		t.Errorf("%v", got)
	}
}
