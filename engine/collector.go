package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

const how = "read from procfs and by hashing open files, by the agent"

// Config names what is to be measured.
type Config struct {
	Engines []EngineConfig
}

// EngineConfig is one engine of the operator's configuration.
type EngineConfig struct {
	Name     string   // free text, unique
	Endpoint string   // URL with the address the engine listens on: "http://127.0.0.1:8000"
	Public   []string // URLs under which clients reach it
	Models   []string // model files and directories
	Declared Declared // the operator's word
}

// Check refuses a configuration that Collect could not state within the limits.
func (c Config) Check() error {
	if len(c.Engines) > MaxEngines {
		return fmt.Errorf("%d engines, limit %d", len(c.Engines), MaxEngines)
	}
	names := map[string]bool{}
	for _, e := range c.Engines {
		switch {
		case e.Name == "" || names[e.Name]:
			return fmt.Errorf("engine name %q: empty or twice", e.Name)
		case len(e.Public) > MaxPublic || len(e.Models) > attest.MaxModels:
			return fmt.Errorf("engine %s: %d public URLs, limit %d; %d models, limit %d", e.Name, len(e.Public), MaxPublic, len(e.Models), attest.MaxModels)
		}
		names[e.Name] = true
		texts := append([]string{e.Name, e.Endpoint, e.Declared.Model, e.Declared.Precision}, append(e.Public, e.Models...)...)
		if err := checkText(texts...); err != nil {
			return fmt.Errorf("engine %q: %w", e.Name, err)
		}
		if _, err := parseEndpoint(e.Endpoint); err != nil {
			return fmt.Errorf("engine %s: %w", e.Name, err)
		}
	}
	return nil
}

// Collector states claims of kind "engine".
type Collector struct {
	cfg     Config
	fs      proc.FS
	digests *Digests
	counts  *censuses
	now     func() time.Time

	turn  chan struct{}            // held by the Collect that runs
	snap  *snapshot                // what the last one knew of the processes; needs the turn
	ahead atomic.Pointer[snapshot] // a newer one, made by Run
	asked atomic.Pointer[asked]

	trees  map[string]*tree // of the models' directories, by configured path; needs the turn
	proofs *prover
}

// NewCollector returns a collector. digests is shared with whoever runs
// Digests.Run; a nil clock means time.Now.
func NewCollector(cfg Config, p proc.FS, digests *Digests, clock func() time.Time) (*Collector, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if clock == nil {
		clock = time.Now
	}
	return &Collector{cfg: cfg, fs: p, digests: digests, counts: newCensuses(digests, clock), now: clock, turn: make(chan struct{}, 1), trees: map[string]*tree{}, proofs: newProver()}, nil
}

// collecting is one run of Collect.
type collecting struct {
	*Collector
	ctx    context.Context
	walks  int        // made because something had changed
	looked []endpoint // for Run: forwarders' too
	budget int64      // bytes that may still be hashed now
	absent *proc.Absences
	// Read once, by process id: an engine's mappings take longest.
	maps     map[int]mapped
	commands map[int]*started
}

type mapped struct {
	list []proc.Mapping
	err  error
}

// Collect reads the claims. With digests at hand it costs a stat per file and a
// look at the processes that serve; the process table is walked only if something
// of that changed or the last walk is over five seconds old. After ctx ends, what
// remains is absent with reason timeout; an error means that no claims could be
// made at all. Calls take turns.
func (c *Collector) Collect(ctx context.Context) (*Claims, error) {
	w := &collecting{Collector: c, ctx: ctx, budget: c.digests.opt.BudgetBytes, absent: &proc.Absences{}, maps: map[int]mapped{}, commands: map[int]*started{}}
	out := &Claims{How: how, Engines: []Engine{}}
	if err := c.takeTurn(ctx); err != nil {
		return nil, err
	}
	defer func() { <-c.turn }()
	c.digests.drain()
	err := c.current(ctx)
	if err != nil {
		w.absent.Err("engines[*].process", fmt.Errorf("process table: %w", err))
	} else if c.snap.bootErr != nil {
		w.absent.Err("engines[*].process.start_ms", c.snap.bootErr)
	}
	for i, e := range c.cfg.Engines {
		out.Engines = append(out.Engines, w.engine(fmt.Sprintf("engines[%d]", i), e, err == nil))
	}
	c.asked.Store(&asked{c.now(), w.looked})
	out.ObtainedAt = ms(c.now())
	out.Absent = w.absent.List()
	return out, fit(out)
}

// takeTurn waits for another Collect to end. A free turn is taken also after ctx
// ended, for then there are absences to state.
func (c *Collector) takeTurn(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("engine: another collection runs: %w", ctx.Err())
	}
}

func (w *collecting) engine(what string, cfg EngineConfig, table bool) Engine {
	e := Engine{Name: cfg.Name, Endpoint: cfg.Endpoint, Public: cfg.Public, Declared: cfg.Declared,
		Listening: []Listening{}, Tree: []Child{}, Libraries: []Library{}, Weights: []Weight{}, Models: []Model{}}
	if table {
		if root := w.chain(what, cfg.Endpoint, &e); root != 0 {
			w.measure(what, root, cfg, &e)
		}
	}
	for i, path := range cfg.Models {
		m := w.model(fmt.Sprintf("%s.models[%d]", what, i), path)
		w.proofs.measured(path, &m)
		e.Models = append(e.Models, m)
	}
	return e
}

// err states an absence with the reason that this package's errors carry.
func (w *collecting) err(what string, err error) {
	var later *NotYetError
	if errors.As(err, &later) || errors.Is(err, ErrBusy) {
		w.absent.Add(what, attest.NotYet, "%v", err)
		return
	}
	w.absent.Err(what, err)
}

// fit holds the claims below MaxClaimsSize: entries of manifests go first, for
// their digest stays; then libraries and weights; censuses last, for they are
// small and a rule stands on them. Each time the absence says so.
func fit(c *Claims) error {
	for _, drop := range []struct {
		what string
		do   func(*Engine) bool
	}{
		{"models[*].entries", func(e *Engine) (any bool) {
			for i := range e.Models {
				any = any || len(e.Models[i].Entries) > 0
				e.Models[i].Entries = nil
			}
			return any
		}},
		{"libraries", func(e *Engine) bool { any := len(e.Libraries) > 0; e.Libraries = []Library{}; return any }},
		{"weights", func(e *Engine) bool { any := len(e.Weights) > 0; e.Weights = []Weight{}; return any }},
		{"models[*].census", func(e *Engine) (any bool) {
			for i := range e.Models {
				any = any || e.Models[i].Census != nil
				e.Models[i].Census = nil
			}
			return any
		}},
	} {
		b, err := attest.Marshal(c)
		if err != nil || len(b) <= MaxClaimsSize {
			return err
		}
		for i := range c.Engines {
			if drop.do(&c.Engines[i]) && len(c.Absent) < attest.MaxAbsences {
				c.Absent = append(c.Absent, attest.Absent(fmt.Sprintf("engines[%d].%s", i, drop.what), attest.Oversize, "claims of %d bytes, limit %d", len(b), MaxClaimsSize))
			}
		}
	}
	b, err := attest.Marshal(c)
	if err == nil && len(b) > MaxClaimsSize {
		err = fmt.Errorf("engine: claims of %d bytes, limit %d", len(b), MaxClaimsSize)
	}
	return err
}
