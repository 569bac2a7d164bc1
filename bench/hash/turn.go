package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// side is one of those that take turns.
type side struct {
	name string
	argv []string
	env  []string
	cold bool // the file is dropped from memory before each turn
}

// turn is what one process did and cost.
type turn struct {
	wall, cpu time.Duration
	rss       int64 // bytes at most
	out       string
}

// take runs a side once.
func (s side) take(ctx context.Context) (turn, error) {
	c := exec.CommandContext(ctx, s.argv[0], s.argv[1:]...)
	c.Env = append(os.Environ(), s.env...)
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	start := time.Now()
	err := c.Run()
	wall := time.Since(start)
	if err != nil {
		return turn{}, fmt.Errorf("%s: %w: %s", s.name, err, strings.TrimSpace(said.String()))
	}
	p := c.ProcessState
	return turn{wall, p.UserTime() + p.SystemTime(), p.SysUsage().(*syscall.Rusage).Maxrss << 10, strings.TrimSpace(out.String())}, nil
}

// rounds lets the sides take turns and returns what each did, by name.
func (b *bench) rounds(ctx context.Context, sides []side) (map[string][]turn, error) {
	all := map[string][]turn{}
	for range b.opt.rounds {
		for _, s := range sides {
			if s.cold {
				if err := b.drop(); err != nil {
					return nil, err
				}
			}
			t, err := s.take(ctx)
			if err != nil {
				return nil, err
			}
			all[s.name] = append(all[s.name], t)
		}
	}
	return all, nil
}

func wall(t turn) float64 { return t.wall.Seconds() }
func cpu(t turn) float64  { return t.cpu.Seconds() }

// ratio is the median over the rounds of what a cost for one of b.
func ratio(a, b []turn, of func(turn) float64) (r float64, rounds []float64) {
	for i := range a {
		rounds = append(rounds, of(a[i])/of(b[i]))
	}
	return median(rounds), rounds
}
