package main

import (
	"context"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// TestGPUThatComesBackDuringASweepIsInIt: it was busy when the sweep began, and free when its turn came to be told.
func TestGPUThatComesBackDuringASweepIsInIt(t *testing.T) {
	h, release := &handle{key: "00000000:18:00.0"}, make(chan struct{})
	done := h.lane.start(func() { h.lane.enter("nvmlDeviceGetTemperature"); <-release })
	turn := (&library{}).begin(h, gpu.SweepParams{})
	close(release)
	<-done
	var s gpu.Sweep
	none := turn.end(context.Background(), &s)
	if len(none) != 1 || none[0].What != "gpu["+h.key+"]" || none[0].Reason != attest.Timeout || len(s.Stuck) != 1 || s.Stuck[0].Key != h.key {
		t.Errorf("%v, stuck %v", none, s.Stuck)
	}
}

// TestGPULeftAloneBeforeIsAbsent: its handle was not taken when it was to be left alone, which it no longer is.
func TestGPULeftAloneBeforeIsAbsent(t *testing.T) {
	h := &handle{key: "#3", err: errSkipped}
	var s gpu.Sweep
	if none := (&library{}).begin(h, gpu.SweepParams{}).end(context.Background(), &s); len(none) != 1 || none[0].What != "gpu[#3]" {
		t.Errorf("%v", none)
	}
	if none := (&library{}).begin(h, gpu.SweepParams{Skip: []string{"#3"}}).end(context.Background(), &s); len(none) != 0 {
		t.Errorf("stated twice: %v", none)
	}
}
