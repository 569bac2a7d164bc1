package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// mostRest is the longest pause after one step of enrolment.
const mostRest = 15 * time.Second

// Activate implements Half.
func (c *Collector) Activate(ctx context.Context, p *ActivateParams) ([]byte, error) {
	_, t, err := c.root()
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, refuse(attest.ProblemNoTPM, "tpm.device is none on this host: enrol its node key instead")
	}
	if err := c.awaitEnrolment(ctx); err != nil {
		return nil, unavailable("activation", fmt.Errorf("the TPM is busy with other answers: %w", err))
	}
	start := time.Now()
	answer, err := c.activate(ctx, t, p)
	if ctx.Err() != nil {
		// The asker has left, but the command goes on in the chip. The turn is kept until it has ended, which
		// reading the claims waits for: what comes next would else queue in package tpm in its own order.
		c.keeper.reread(context.WithoutCancel(ctx), t)
	}
	c.rested = time.Now().Add(min(time.Since(start), mostRest))
	c.turn.give()
	if err != nil {
		return nil, err
	}
	b, err := attest.Marshal(answer)
	if err == nil && len(b) > attest.MaxActivateSize {
		err = fmt.Errorf("%d bytes, limit %d", len(b), attest.MaxActivateSize)
	}
	if err != nil {
		return nil, unavailable("activation answer", err)
	}
	return b, nil
}

// awaitEnrolment takes the turn when no evidence wants it and the last enrolment
// is past by as long as it took, mostRest at most. So enrolment has no more than
// half of the TPM's time on all but the slowest chips, whoever asks and how often,
// and evidence waits for one step at most.
func (c *Collector) awaitEnrolment(ctx context.Context) error {
	for {
		if err := c.turn.take(ctx, false); err != nil {
			return err
		}
		wait := time.Until(c.rested)
		if wait <= 0 {
			return nil
		}
		c.turn.give()
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// activate runs one step of enrolment; the caller has the turn.
func (c *Collector) activate(ctx context.Context, t *heldTPM, p *ActivateParams) (any, error) {
	switch p.Step {
	case attest.StepParameters:
		answer, err := t.Parameters(ctx)
		if err != nil {
			t.failed(err)
			return nil, unavailable("activation parameters", err)
		}
		return answer, nil
	case attest.StepActivate:
		secret, err := t.Activate(ctx, p.EK, p.Credential, p.Secret)
		if err != nil {
			t.failed(err)
			if busy(err) {
				return nil, unavailable("activation", err)
			}
			return nil, refuse(attest.ProblemActivation, "%v", err)
		}
		return attest.Activated{Secret: secret}, nil
	}
	return nil, refuse(attest.ProblemMalformed, "unknown step %.40q", p.Step)
}
