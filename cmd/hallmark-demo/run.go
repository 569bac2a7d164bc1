package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
	"github.com/hallmark-attest/hallmark/internal/sim/node"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
	"github.com/hallmark-attest/hallmark/testdata/vm"
	"github.com/hallmark-attest/hallmark/verify"
)

// Limits of time, each far above what it takes.
const (
	honestLimit = 60 * time.Second
	attackLimit = 30 * time.Second
)

// run is the whole demonstration.
func run(ctx context.Context, attacks []attacker.Attack, f flags) (err error) {
	begin := time.Now()
	if err := prepareKeep(f.keep); err != nil {
		return err
	}
	_, tools, dir, err := prepare()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	say("making two software TPMs, their authority, a simulated NVML library and a model")
	s, err := newStage(dir, tools)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	say("starting the engine and hallmark-agent")
	n, err := s.startNode(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Stop()) }()
	scene, rows, err := honestRun(ctx, s, n, f.keep)
	if err != nil {
		return err
	}
	if scene != nil {
		attacked, err := attackAll(ctx, scene, attacks)
		if err != nil {
			return err
		}
		rows = append(rows, attacked...)
	}
	return report(os.Stdout, os.Stderr, rows, time.Since(begin), f)
}

// prepare finds this program and those beside it, and makes a folder to work in, which is the caller's to remove.
func prepare() (self string, tools node.Tools, dir string, err error) {
	if self, err = os.Executable(); err != nil {
		return "", tools, "", err
	}
	if tools, err = node.Find(filepath.Dir(self)); err != nil {
		return "", tools, "", err
	}
	if err = swtpm.Available(); err != nil {
		return "", tools, "", fmt.Errorf("%w (or: make setup)", err)
	}
	dir, err = os.MkdirTemp("", "hallmark-demo-")
	return self, tools, dir, err
}

// honestRun enrols, challenges and judges the honest node. The scene is nil where it was not accepted: attacks against a
// validator that accepts nobody would show nothing.
func honestRun(ctx context.Context, s *stage, n *node.Node, keep string) (*attacker.Scene, []row, error) {
	ctx, cancel := context.WithTimeout(ctx, honestLimit)
	defer cancel()
	v, reference, err := newValidator(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	begin := time.Now()
	say("enrolling the node: its TPM opens a secret that only the holder of both keys can open")
	file, refused, err := v.Enroll(ctx, n.URL, v.Roots)
	if err != nil {
		return nil, nil, err
	}
	if refused != nil {
		return nil, []row{newRow(honestName, honestDoes, "", *refused, "", time.Since(begin))}, nil
	}
	say("challenging it until the agent has measured the engine's files")
	record, _, result, err := v.AskMeasured(ctx, n.URL, file)
	if err != nil {
		return nil, nil, fmt.Errorf("honest node: %w; the agent's log ends with\n%s", err, lastLines(n.Log()))
	}
	rows := []row{newRow(honestName, honestDoes, "", attacker.VerdictOf(result), "Nothing speaks against it at the tier asked for.", time.Since(begin))}
	if !result.Accepted {
		return nil, rows, nil
	}
	enterprise, err := v.JudgeWith(record, verify.Endorsements{Validator: &v.Key.PublicKey, Node: file, AcceptDemoRootsUnsafe: true},
		verify.Options{At: time.Now(), Asked: verify.TierEnterprise})
	if err != nil {
		return nil, nil, err
	}
	rows = append(rows, newRow(honestName+", asked for enterprise", "is asked for more than a software TPM can show",
		"tpm.class", attacker.VerdictOf(enterprise), "", 0))
	proved, err := provesWeights(ctx, v, n.URL, file)
	if err != nil {
		return nil, nil, err
	}
	rows = append(rows, proved)
	bracketed, err := bracketsTelemetry(ctx, v, n.URL, file)
	if err != nil {
		return nil, nil, err
	}
	rows = append(rows, bracketed)
	tds, err := newTDScene(s)
	if err != nil {
		return nil, nil, err
	}
	td, err := honestTD(ctx, v, tds)
	if err != nil {
		return nil, nil, err
	}
	rows = append(rows, td)
	other, err := roots(filepath.Join(s.dir, "other-authority", "roots"))
	if err != nil {
		return nil, nil, err
	}
	scene := &attacker.Scene{Dir: filepath.Join(s.dir, "attacks"), Validator: v, OtherRoots: other, Engine: s, TD: tds,
		Node:    attacker.Honest{URL: n.URL, File: file, Record: record},
		Mallory: attacker.Mallory{Key: s.attacker, TPMSocket: s.mallory.Socket(), State: s.mallory, Keys: s.keys()},
		Boot:    vm.Boot, IMA: vm.IMA, OtherBoot: vm.OtherBoot}
	return scene, rows, keepFiles(keep, v.Key, scene.Node, reference)
}

const (
	honestName = "honest node"
	honestDoes = "answers with the real agent over a simulated host, and is asked for verified"
)

func attackAll(ctx context.Context, scene *attacker.Scene, attacks []attacker.Attack) ([]row, error) {
	var rows []row
	for _, a := range attacks {
		say("attack %s: %s", a.Name, a.Does)
		begin := time.Now()
		one, cancel := context.WithTimeout(ctx, attackLimit)
		v, err := a.Run(one, scene)
		cancel()
		if err != nil {
			return nil, fmt.Errorf("attack %s could not be performed: %w", a.Name, err)
		}
		rows = append(rows, newRow(a.Name, a.Does, a.Expect, v, a.Unseen, time.Since(begin)))
	}
	return rows, nil
}

// say prints a line of progress.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "hallmark-demo: "+format+"\n", args...)
}

// lastLines returns the end of a log.
func lastLines(file string) string {
	const most = 1024
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-most):])
}
