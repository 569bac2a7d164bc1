package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/bench/exit"
	"github.com/hallmark-attest/hallmark/gpu"
	"github.com/hallmark-attest/hallmark/internal/sim/sweeps"
)

const (
	daySeconds = 86_400
	dayBar     = 40 << 20 // bytes resident
)

// dayApart runs the day in a process of its own: what this one has grown by does not count.
func dayApart(ctx context.Context) (above bool, err error) {
	self, err := os.Executable()
	if err != nil {
		return false, err
	}
	cmd := exec.CommandContext(ctx, self, "-day")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Run()
	if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 1 {
		return true, nil
	}
	return false, err
}

// simulated is eight GPUs and a clock that moves a second with each sweep.
type simulated struct {
	host *sweeps.Host
	now  atomic.Int64 // seconds
	done chan struct{}
}

func (s *simulated) Sweep(context.Context, gpu.SweepParams) (*gpu.Sweep, error) {
	r := s.host.Next(0)
	s.now.Add(1)
	s.done <- struct{}{}
	return &gpu.Sweep{Devices: r.Devices, Absent: r.Absent}, nil
}

func (s *simulated) since() time.Duration { return time.Duration(s.now.Load()) * time.Second }

// day feeds a day of sweeps through the recorder, disk and all.
func day(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "telemetry-day-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &simulated{host: sweeps.New(8, 1, 1), done: make(chan struct{})}
	ticks := make(chan time.Time)
	start := time.Now()
	r := recorder.New(recorder.Options{Sweeper: s, Interval: time.Second, Dir: filepath.Join(dir, "telemetry"), Version: "day", Ticks: ticks, Log: slog.New(slog.DiscardHandler),
		Clock: recorder.Clock{Wall: func() time.Time { return start.Add(s.since()) }, Boot: s.since, Running: s.since}})
	recording, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); r.Run(recording, attest.UEID{1}) }()
	defer func() { cancel(); <-ended }()
	before, err := cpu(os.Getpid())
	if err != nil {
		return err
	}
	<-s.done // the first sweep is not waited for
	for range daySeconds - 1 {
		select {
		case ticks <- time.Time{}:
			<-s.done
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	now, most, err := rss(os.Getpid())
	if err != nil {
		return err
	}
	after, err := cpu(os.Getpid())
	if err != nil {
		return err
	}
	c, err := r.Claims()
	if err != nil {
		return err
	}
	fmt.Printf("a simulated day, %d records in %v: %.0f us of CPU a sweep with its making (%.3f %% of a core at 1 Hz), RSS %.1f MiB (most %.1f), stored %d to %d\n", c.Index,
		time.Since(start).Round(time.Second), float64((after-before).Microseconds())/daySeconds, 100*(after-before).Seconds()/daySeconds, mib(now), mib(most), c.StoredFrom, c.StoredTo)
	if most > dayBar {
		fmt.Printf("ABOVE THE BAR: want %d MiB\n", dayBar>>20)
		return exit.ErrMissed
	}
	return nil
}
