package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/internal/sim/nvml"
)

// side is one process that is watched.
type side struct {
	name string
	cmd  *exec.Cmd
	bar  float64 // most of a core, in percent; 0: none
	used []float64
	sub  []float64 // of its child: probe and simulated driver
	then time.Duration
	past time.Duration
	each func() // once a second
}

// measure watches all sides at once, round after round.
func measure(ctx context.Context, o options, dir string) (above bool, err error) {
	library, err := nvml.Build(dir, nvml.Full)
	if err != nil {
		return false, err
	}
	conf := nvml.Conf{Profile: nvml.H100}
	conf.LoadScript = []nvml.LoadPoint{{Second: 0, Percent: 5}, {Second: 7, Percent: 100}, {Second: 19, Percent: 60}, {Second: 30, Percent: 5}}
	conf.LoadRepeat, conf.EpochMillis = 30, nvml.BootMillis()
	if err := nvml.WriteConf(dir, conf); err != nil {
		return false, err
	}
	var sides []*side
	defer func() {
		for _, s := range sides {
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait() // it was killed
		}
	}()
	for _, a := range []struct {
		name, library, interval string
		bar                     float64
	}{{"agent without GPUs", "none", "1s", 0}, {"agent, 8 GPUs at 1 Hz", library, "1s", 0.3}, {"agent, 8 GPUs at 10 Hz", library, "100ms", 2}} {
		s, err := startAgent(o, dir, a.name, a.library, a.interval)
		if err != nil {
			return false, err
		}
		s.bar = a.bar
		sides = append(sides, s)
	}
	if s, err := startExporter(); err != nil {
		fmt.Println("prometheus-node-exporter is not measured:", err)
	} else {
		sides = append(sides, s)
	}
	if err := settle(ctx, 5*time.Second, sides); err != nil {
		return false, err
	}
	for range o.rounds {
		if err := round(ctx, o.seconds, sides); err != nil {
			return false, err
		}
	}
	return report(sides, dir), nil
}

func startAgent(o options, dir, name, library, interval string) (*side, error) {
	home, err := os.MkdirTemp(dir, "agent-")
	if err != nil {
		return nil, err
	}
	probe, err := filepath.Abs(filepath.Join(o.bin, "hallmark-gpuprobe"))
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(home, "agent.yaml")
	text := fmt.Sprintf("listen: %s\nstate_dir: %s\nmetrics: \"\"\ntpm: { device: none }\ngpu: { library: %q, probe: %q, interval: %s }\n", address, home, library, probe, interval)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(home, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(o.bin, "hallmark-agent"), "serve", "--config", config)
	cmd.Stderr = log
	cmd.Dir = home
	if cmd.Path, err = filepath.Abs(filepath.Join(o.bin, "hallmark-agent")); err != nil {
		return nil, err
	}
	return &side{name: name, cmd: cmd}, cmd.Start()
}

// startExporter starts the peer; it is scraped once a second while the clock runs.
func startExporter() (*side, error) {
	path, err := exec.LookPath("prometheus-node-exporter")
	if err != nil {
		return nil, errors.New("not installed")
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, "--web.listen-address="+address)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	scrape := func() {
		r, err := http.Get("http://" + address + "/metrics")
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // what it says is not of interest
		r.Body.Close()
	}
	return &side{name: "node-exporter, 1 scrape/s", cmd: cmd, each: scrape}, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// settle lets the sides run without counting.
func settle(ctx context.Context, d time.Duration, sides []*side) error {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); {
		select {
		case <-t.C:
			for _, s := range sides {
				if s.each != nil {
					s.each()
				}
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func round(ctx context.Context, d time.Duration, sides []*side) (err error) {
	for _, s := range sides {
		if s.then, err = cpu(s.cmd.Process.Pid); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		s.past, _ = cpu(child(s.cmd.Process.Pid)) // most have none
	}
	start := time.Now()
	if err := settle(ctx, d, sides); err != nil {
		return err
	}
	took := time.Since(start)
	for _, s := range sides {
		now, err := cpu(s.cmd.Process.Pid)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		s.used = append(s.used, 100*(now-s.then).Seconds()/took.Seconds())
		if now, err := cpu(child(s.cmd.Process.Pid)); err == nil {
			s.sub = append(s.sub, 100*(now-s.past).Seconds()/took.Seconds())
		}
	}
	return nil
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}
