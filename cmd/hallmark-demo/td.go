package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
	"github.com/hallmark-attest/hallmark/internal/sim/tdnode"
	sim "github.com/hallmark-attest/hallmark/internal/sim/tdx"
	"github.com/hallmark-attest/hallmark/verify"
)

const (
	honestTDName = "honest TD node"
	honestTDDoes = "answers from a simulated trust domain without TPM, enrolled by its platform"
)

// staleBy is how long the attackers' collateral is past its time.
const staleBy = 30 * 24 * time.Hour

// newTDScene simulates a platform, a TD on it that booted Linux, and what its maker says of both.
func newTDScene(s *stage) (*attacker.TDScene, error) {
	a, err := sim.NewAuthority("demo", time.Now())
	if err != nil {
		return nil, fmt.Errorf("simulated TD: %w", err)
	}
	p, err := a.Platform(sim.PlatformOptions{})
	if err != nil {
		return nil, fmt.Errorf("simulated TD: %w", err)
	}
	boot, err := a.NewLinuxBoot(sim.BootOptions{})
	if err != nil {
		return nil, fmt.Errorf("simulated TD: %w", err)
	}
	m := sim.Defaults()
	boot.Apply(&m)
	out := &attacker.TDScene{TD: p.NewTD(m), Host: sim.HostOptions{CCELLog: boot.Log(64 << 10)}, Root: filepath.Join(s.dir, "td-kernel"),
		Options: tdnode.Options{Dir: filepath.Join(s.dir, "td-node"), Keys: s.keys(), Engine: engine.Config{Engines: []engine.EngineConfig{{Name: "main",
			Endpoint: s.engine.Endpoint(), Models: []string{s.files.model}, Declared: engine.Declared{Model: modelName, Precision: "bf16", TensorParallel: 8}}}}}}
	if _, err := rand.Read(out.Options.BootID[:]); err != nil {
		return nil, err
	}
	for _, dir := range []string{out.Root, out.Options.Dir} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
	}
	now := a.At()
	if out.Believe, err = believed(a, out.TD, sim.CollateralOptions{}); err != nil {
		return nil, err
	}
	out.Stale, err = believed(a, out.TD, sim.CollateralOptions{Issue: now.Add(-2 * staleBy), Next: now.Add(-staleBy)})
	return out, err
}

// believed is a validator's endorsements with collateral of the simulated maker.
func believed(a *sim.Authority, td *sim.TD, o sim.CollateralOptions) (e verify.TDEndorsements, err error) {
	c, err := td.Collateral(o)
	if err != nil {
		return e, fmt.Errorf("simulated collateral: %w", err)
	}
	read, err := collateral.Parse(c.JSON())
	if err != nil {
		return e, fmt.Errorf("simulated collateral: %w", err)
	}
	return verify.TDEndorsements{RootsUnsafe: a.Pool(), Collateral: collateral.Set{read}}, nil
}

// honestTD runs the honest node in its trust domain.
func honestTD(ctx context.Context, v *attacker.Validator, scene *attacker.TDScene) (row, error) {
	begin := time.Now()
	say("starting a node in a simulated trust domain, and enrolling it by its platform")
	verdict, err := v.EnrollTD(ctx, scene)
	if err != nil {
		return row{}, err
	}
	return newRow(honestTDName, honestTDDoes, "", verdict, "Nothing speaks against it at the tier asked for.", time.Since(begin)), nil
}
