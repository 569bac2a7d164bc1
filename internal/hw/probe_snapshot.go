package hw

import (
	"context"
	"time"

	"github.com/hallmark-attest/hallmark/gpu"
)

// Snapshot returns the claims of kind "gpu". It returns by the deadline of ctx, or
// within ProbeDeadline if ctx has none, whatever state the process is in. A GPU that
// does not answer a little before is absent from the claims. When the time is up the
// process is killed; the next one may start after a back-off. If ctx was cancelled
// the error is ctx.Err(), else it is an *attest.AbsentError.
func (p *Probe) Snapshot(ctx context.Context) (*gpu.Claims, error) {
	ctx, cancel := deadline(ctx)
	defer cancel()
	if err := p.take(ctx); err != nil {
		return nil, err
	}
	defer p.release()
	c, err := p.running(ctx)
	if err != nil {
		return nil, err
	}
	result, err := p.request(ctx, c, gpu.MethodSnapshot, gpu.SnapshotParams{BudgetMillis: budget(ctx), Skip: p.leftAlone(nil)})
	if err != nil {
		return nil, err
	}
	claims, err := gpu.Parse(result)
	if err != nil {
		return nil, p.failed(ctx, c, err)
	}
	p.settled(c, nil)
	p.stuckIn(c, claims.Stuck(), nil)
	return claims, nil
}

// deadline gives ctx one if it has none.
func deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, ProbeDeadline)
}

// budget is what the GPUs get of the time that is left: the rest is for the answer
// to be made, sent and read, before the process is killed for being late.
func budget(ctx context.Context) uint64 {
	at, _ := ctx.Deadline()
	left := time.Until(at)
	left -= min(max(left/5, 100*time.Millisecond), time.Second)
	return uint64(min(max(left.Milliseconds(), 1), gpu.MaxBudgetMillis))
}
