package agent

import (
	"context"
	"net/http"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// activationWait is how long an enrolment waits for another one to end.
const activationWait = 10 * time.Second

// serveActivate admits one step of enrolment, runs it when no other one runs and logs one line.
func (f *Frontend) serveActivate(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	a, b, err := f.activation(r)
	step := ""
	if a != nil && a.payload != nil {
		step = a.payload.(*attest.Activate).Step
	}
	f.logOutcome(r, "activation", a, err, "step", step, "dur", time.Since(start))
	if err != nil {
		return err
	}
	return write(w, attest.TypeActivation, b)
}

func (f *Frontend) activation(r *http.Request) (*admission, []byte, error) {
	if f.stopping.Load() {
		return nil, nil, errStopping
	}
	a, err := f.admit(r, activateSort)
	if err != nil {
		return a, nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), evidenceTimeout)
	defer cancel()
	if err := f.awaitActivation(ctx); err != nil {
		a.unrate() // another validator's enrolment must not use up this one's
		return a, nil, err
	}
	defer func() { <-f.activating }()
	q := a.payload.(*attest.Activate)
	b, err := f.half.Activate(ctx, &ActivateParams{Step: q.Step, EK: q.EK, Credential: q.Credential, Secret: q.Secret})
	if err != nil && ctx.Err() != nil {
		err = refuse(attest.ProblemTimeout, "the TPM did not answer within %v", evidenceTimeout)
	}
	return a, b, err
}

// awaitActivation waits until no other enrolment runs.
func (f *Frontend) awaitActivation(ctx context.Context) error {
	wait := time.NewTimer(activationWait)
	defer wait.Stop()
	select {
	case f.activating <- struct{}{}:
		return nil
	case <-wait.C:
	case <-ctx.Done():
	}
	return errManyActivations
}
