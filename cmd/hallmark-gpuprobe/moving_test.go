package main_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/gpu"
	"github.com/hallmark-attest/hallmark/internal/sim/nvml"
)

// newMovingHost is a host with the calls that only sweeps make.
func newMovingHost(t *testing.T, c nvml.Conf) *host {
	t.Helper()
	h := newHost(t, nvml.Full, c)
	if a := why(h.sweep(gpu.SweepParams{Minute: true}), "gpu[*].xid"); strings.Contains(a.Detail, "missing in this driver") {
		t.Skip("this simulated library has neither events nor activity counters")
	}
	return h
}

func TestSweepTellsXidErrorsOnce(t *testing.T) {
	h := newMovingHost(t, nvml.Conf{})
	h.more(nvml.Conf{}, "xid=3,79,now")
	var found []telemetry.Fact
	for range 5 {
		found = append(found, h.sweep(gpu.SweepParams{}).Facts...)
		time.Sleep(50 * time.Millisecond)
	}
	if len(found) != 1 || found[0].Name != telemetry.FactXid || found[0].Value != 79 || found[0].Text != hungKey {
		t.Errorf("%+v", found)
	}
}

func TestSweepMeasuresActivity(t *testing.T) {
	h := newMovingHost(t, nvml.Conf{Load: 60})
	time.Sleep(300 * time.Millisecond)
	s := h.sweep(gpu.SweepParams{})
	for f := telemetry.GPMGraphics; f <= telemetry.GPMDRAM; f++ {
		if v, ok := s.Devices[0].Values.Get(f); !ok || v < 100 || v > 10000 {
			t.Errorf("%s: %d, %v; %v", f, v, ok, s.Absent)
		}
	}
	if s = h.sweep(gpu.SweepParams{}); why(s, "gpu[*].gpm_sm_bp").Reason != attest.NotYet {
		t.Errorf("two samples within 100 ms: %v", s.Absent)
	}
}

func TestSweepOfASplitGPUIsShorter(t *testing.T) {
	h := newMovingHost(t, nvml.Conf{})
	h.more(nvml.Conf{}, "mig=3")
	s := h.sweep(gpu.SweepParams{Minute: true})
	if a := why(s, "gpu["+hungKey+"].gpu_percent"); len(s.Devices) != 8 || a.Reason != attest.NotSupported {
		t.Errorf("%v", s.Absent)
	}
}

func TestSweepThatIsNotPermittedACallGoesOn(t *testing.T) {
	h := newMovingHost(t, nvml.Conf{})
	h.more(nvml.Conf{}, "no-permission=nvmlDeviceGetUtilizationRates")
	s := h.sweep(gpu.SweepParams{})
	if a := why(s, "gpu[*].memory_percent"); len(s.Devices) != 8 || a.Reason != attest.NotPermitted {
		t.Errorf("%v", s.Absent)
	}
}

func TestSweepsGoOnAfterTheDriverWasLoadedAnew(t *testing.T) {
	t.Parallel()
	h := newMovingHost(t, nvml.Conf{})
	h.more(nvml.Conf{}, "driver-reload=now")
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		s, err := h.probe.Sweep(t.Context(), gpu.SweepParams{})
		if err != nil {
			if gpu.AsAbsence(err).Reason != attest.NotLoaded {
				t.Errorf("%v", err)
			}
			continue
		}
		if len(s.Devices) == 0 {
			if a := why(s, "gpu["+firstKey+"]"); a.Detail != "NVML 1: uninitialized" {
				t.Errorf("%v", s.Absent)
			}
			continue
		}
		for _, f := range s.Facts {
			if f.Name == telemetry.FactProbe && len(s.Devices) == 8 {
				return
			}
		}
	}
	t.Error("no sweep with all GPUs and a new probe")
}
