package attacker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hallmark-attest/hallmark/agent"
	"github.com/hallmark-attest/hallmark/attest/tdx"
	"github.com/hallmark-attest/hallmark/internal/sim/tdnode"
	sim "github.com/hallmark-attest/hallmark/internal/sim/tdx"
	"github.com/hallmark-attest/hallmark/verify"
)

// TDScene is a node in a trust domain without TPM, and what its owner has beside it.
type TDScene struct {
	Options tdnode.Options // of the node; TD is set for each start
	TD      *sim.TD        // the honest one
	Host    sim.HostOptions
	Root    string                // for the files of simulated kernels
	Believe verify.TDEndorsements // what the validator believes: a simulator's root, by an option that says unsafe
	Stale   verify.TDEndorsements // the same with last month's collateral
	File    []byte                // node.json, by the platform
}

// start runs the node in a TD; replace, unless nil, stands between the agent and its TD.
func (s *TDScene) start(ctx context.Context, td *sim.TD, replace func(agent.TD) agent.TD) (*tdnode.Node, error) {
	h, err := sim.NewHost(s.Root, td, s.Host)
	if err != nil {
		return nil, fmt.Errorf("simulated TD: %w", err)
	}
	d, err := tdx.New(tdx.Options{Client: h.TSM, Files: h})
	if err != nil {
		return nil, fmt.Errorf("simulated TD: %w", err)
	}
	o := s.Options
	if o.TD = agent.TD(d); replace != nil {
		o.TD = replace(d)
	}
	return tdnode.Start(ctx, o)
}

// EnrollTD starts the honest node, enrolls it by its platform and judges its answer.
func (v *Validator) EnrollTD(ctx context.Context, s *TDScene) (verdict Verdict, err error) {
	n, err := s.start(ctx, s.TD, nil)
	if err != nil {
		return Verdict{}, err
	}
	defer func() { err = errors.Join(err, n.Stop()) }()
	file, refused, err := v.enroll(ctx, n.URL, v.Roots, s.Believe)
	if err != nil {
		return Verdict{}, err
	}
	if refused != nil {
		return *refused, nil
	}
	s.File = file
	return v.judgeTD(ctx, n.URL, s, s.Believe)
}

// judgeTD challenges a node of the scene until its engine's files were measured, and judges it.
func (v *Validator) judgeTD(ctx context.Context, url string, s *TDScene, believe verify.TDEndorsements) (Verdict, error) {
	for {
		record, stored, err := v.Ask(ctx, url, s.File)
		if err != nil {
			return Verdict{}, err
		}
		r, err := v.JudgeWith(record, verify.Endorsements{Validator: &v.Key.PublicKey, Node: s.File, AcceptDemoRootsUnsafe: true, TD: believe},
			verify.Options{At: time.Now(), Asked: verify.TierVerified, Stored: stored})
		if err != nil {
			return Verdict{}, err
		}
		if measured(r) {
			return VerdictOf(r), nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return VerdictOf(r), nil
		}
	}
}

// tdAttack has a dishonest node of the scene answer under the enrolled name.
func (s *Scene) tdAttack(ctx context.Context, td *sim.TD, replace func(agent.TD) agent.TD, believe verify.TDEndorsements) (v Verdict, err error) {
	if err := s.Engine.Honest(ctx); err != nil {
		return Verdict{}, err
	}
	n, err := s.TD.start(ctx, td, replace)
	if err != nil {
		return Verdict{}, err
	}
	defer func() { err = errors.Join(err, n.Stop()) }()
	return s.Validator.judgeTD(ctx, n.URL, s.TD, believe)
}
