package hw

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/gpu"
)

const (
	// sweepPatience is how long the probe may take for a sweep before it is killed. It
	// is longer than a sweep's deadline on purpose: the first sweep of a process waits
	// for the driver to initialise, and a busy host is no reason to kill a probe.
	sweepPatience = 10 * time.Second
	// sweepBudget is what GPUs get of it, if the caller does not say.
	sweepBudget = 700 * time.Millisecond
)

// Sweep reads all GPUs once, quickly. It returns by the deadline of ctx, or within
// ProbeDeadline if ctx has none, whatever state the process is in; a request that
// takes longer goes on behind it, and until it ends other requests are told so. If
// ctx was cancelled the error is ctx.Err(), else it is an *attest.AbsentError.
//
// What became of the probe since the last sweep stands among the sweep's facts.
func (p *Probe) Sweep(ctx context.Context, params gpu.SweepParams) (*gpu.Sweep, error) {
	ctx, cancel := deadline(ctx)
	defer cancel()
	if err := p.take(ctx); err != nil {
		return nil, err
	}
	type answer struct {
		sweep *gpu.Sweep
		err   error
	}
	answers := make(chan answer)
	go func() {
		defer p.release()
		patience, cancel := context.WithTimeout(context.Background(), sweepPatience)
		defer cancel()
		s, replaced, err := p.sweep(patience, params)
		select {
		case answers <- answer{s, err}:
		case <-ctx.Done(): // nobody waits; values are old by now, events are not
			if s != nil {
				p.tell(s.Facts...)
			}
		}
		if replaced {
			p.running(patience) // now, so that the next sweep does not wait for the start
		}
	}()
	select {
	case a := <-answers:
		if a.sweep != nil {
			a.sweep.Facts = telemetry.AtMost(append(p.Facts(), a.sweep.Facts...), telemetry.MaxFacts)
		}
		return a.sweep, a.err
	case <-ctx.Done():
		return nil, p.over(ctx, "the probe has not answered yet")
	}
}

// sweep makes one request; p.turn is held.
func (p *Probe) sweep(ctx context.Context, params gpu.SweepParams) (s *gpu.Sweep, replaced bool, err error) {
	c, err := p.running(ctx)
	if err != nil {
		return nil, false, err
	}
	params.Skip = p.leftAlone(params.Skip)
	if params.BudgetMillis == 0 {
		params.BudgetMillis = uint64(sweepBudget.Milliseconds())
	}
	result, err := p.request(ctx, c, gpu.MethodSweep, params)
	if err != nil {
		return nil, false, err
	}
	if s, err = gpu.ParseSweep(result); err != nil {
		return nil, false, p.failed(ctx, c, err)
	}
	p.settled(c, nil)
	return s, p.stuckIn(c, s.Stuck, s), nil
}

// leftAlone is the GPUs that are not asked now, the caller's and ours.
func (p *Probe) leftAlone(also []string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := slices.Concat(also, p.hung.skip(p.now()))
	slices.Sort(list)
	list = slices.Compact(list)
	return list[:min(len(list), gpu.MaxDevices)]
}

// stuckIn takes which GPUs are stuck in c, and puts c away if that has lasted. Where
// it does not end, it is left behind: see maxBehind. In s, if there is one, GPUs get
// the addresses they had in an earlier process.
func (p *Probe) stuckIn(c *child, list []gpu.Stuck, s *gpu.Sweep) (replaced bool) {
	p.mu.Lock()
	due := p.hung.seen(p.now(), list)
	if s != nil {
		p.hung.address(s)
	}
	p.behind = slices.DeleteFunc(p.behind, (*child).gone)
	if replaced = due != nil && p.child == c && len(p.behind) < maxBehind; replaced {
		p.hung.leave(p.now(), c)
		p.child, p.behind, p.why = nil, append(p.behind, c), due.String()
	}
	p.mu.Unlock()
	if replaced {
		c.kill()
		p.log.Warn("gpu probe replaced", "pid", c.pid(), "gpu", due.Key, "call", due.Call, "ms", due.Millis)
	}
	return replaced
}

// tell keeps facts for the next sweep: the first that fit, and how many more there were.
func (p *Probe) tell(facts ...telemetry.Fact) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.facts = telemetry.AtMost(append(p.facts, facts...), telemetry.MaxFacts)
}

// Facts returns, and forgets, what happened since it was last asked: probes that
// were started anew and why, Xid errors of a sweep that nobody waited for. Sweep asks
// it by itself; a caller whose sweeps fail may want to know meanwhile.
func (p *Probe) Facts() []telemetry.Fact {
	p.mu.Lock()
	defer p.mu.Unlock()
	facts := p.facts
	p.facts = nil
	return facts
}

// startedAnew notes that c took the place of another.
func (p *Probe) startedAnew(c *child) {
	p.mu.Lock()
	why := p.why
	p.why = ""
	p.hung.fresh()
	p.mu.Unlock()
	if why != "" {
		text := attest.Clean(why)
		text = strings.ToValidUTF8(text[:min(len(text), telemetry.MaxText)], "")
		p.tell(telemetry.Fact{Name: telemetry.FactProbe, Value: int64(c.pid()), Text: text})
	}
}
