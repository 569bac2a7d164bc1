package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/runlog"
	"github.com/hallmark-attest/hallmark/engine"
)

// startFacts say which agent began to answer.
func (c *Collector) startFacts() runlog.Facts {
	facts := runlog.Facts{"version": c.o.Version, "config_digest": c.o.Config.Digest[:], "evidence_key": c.keyID[:]}
	if a := c.o.Software().Agent; a != nil {
		facts["agent_sha256"], facts["agent_fsverity"] = a.SHA256[:], a.FSVerity[:]
	}
	return facts
}

// engineState is what makes an engine another one: a process, its executable, its models.
type engineState struct {
	start  uint64
	exe    string // SHA-256
	models string // their digests
}

// EngineWatch notices engines that were started, exchanged or given other models, and has them recorded.
type EngineWatch struct {
	seen map[string]engineState
	news chan runlog.Facts

	mu    sync.Mutex
	paths map[string]bool // of executables and libraries, as the last reading saw them
}

// NewEngineWatch makes a watch; hand it to CollectorOptions and to EngineSource.
func NewEngineWatch() *EngineWatch {
	return &EngineWatch{seen: map[string]engineState{}, news: make(chan runlog.Facts, maxEngines)}
}

// look compares the engines with those seen before. One reading runs at a time.
func (w *EngineWatch) look(c *engine.Claims) {
	w.setPaths(c)
	for i := range c.Engines {
		e := &c.Engines[i]
		if e.Process == nil || e.Process.Exe == nil || len(e.Process.Exe.SHA256) == 0 {
			continue // not running, or not measured yet: the next reading knows more
		}
		facts := runlog.Facts{"engine": attest.Clean(e.Name), "exe_sha256": slices.Clone(e.Process.Exe.SHA256), "start_ticks": e.Process.StartTicks}
		now := engineState{start: e.Process.StartTicks, exe: string(e.Process.Exe.SHA256)}
		complete := true
		for j := range e.Models {
			complete = complete && e.Models[j].Complete
			now.models += string(e.Models[j].Digest)
			if j == 0 && len(e.Models[j].Digest) > 0 {
				facts["model"] = slices.Clone(e.Models[j].Digest)
			}
		}
		if !complete || w.seen[e.Name] == now {
			continue
		}
		select {
		case w.news <- facts:
			w.seen[e.Name] = now
		default: // the log cannot keep up: said again at the next reading
		}
	}
}

func (w *EngineWatch) setPaths(c *engine.Claims) {
	paths := map[string]bool{}
	for i := range c.Engines {
		e := &c.Engines[i]
		if e.Process != nil {
			paths[e.Process.ExePath] = true
		}
		for j := range e.Libraries {
			paths[e.Libraries[j].Path] = true
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paths = paths
}

// Runs reports whether an engine was last seen with this file as executable or library.
func (w *EngineWatch) Runs(path string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.paths[path]
}

const recordRetry = 50 * time.Millisecond

// runtimeLogs are the logs this collector keeps: in the TPM's register, and in the TD's.
func (c *Collector) runtimeLogs() (logs []*runtimeLog) {
	if c.runtime != nil {
		logs = append(logs, c.runtime)
	}
	if c.td != nil {
		logs = append(logs, c.td.events)
	}
	return logs
}

// record writes what the watch notices into the runtime logs, when the TPM has nothing better to do.
func (c *Collector) record(ctx context.Context) {
	for {
		select {
		case facts := <-c.o.Engines.news:
			for _, l := range c.runtimeLogs() {
				for l.opening() { // an engine may be seen before the register is open
					select {
					case <-time.After(recordRetry):
					case <-ctx.Done():
						return
					}
				}
			}
			if c.turn.take(ctx, false) == nil {
				for _, l := range c.runtimeLogs() {
					l.append(ctx, runlog.TypeEngine, facts)
				}
				c.turn.give()
			}
		case <-ctx.Done():
			return
		}
	}
}
