package main

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
	"github.com/hallmark-attest/hallmark/internal/sim/engine"
	"github.com/hallmark-attest/hallmark/internal/sim/node"
	"github.com/hallmark-attest/hallmark/internal/sim/nvml"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/testdata/vm"
)

// What the demonstration's provider declares, and how large its model is: four layers of 640 x 640 numbers of 2 bytes.
const (
	modelName  = "demo-7b"
	engineName = "demo-engine"
	modelWidth = 640
)

// stage is everything that is simulated, in one directory.
type stage struct {
	dir       string
	perMinute int // requests that the node takes of one validator
	tools     node.Tools
	library   string
	authority *swtpm.Authority
	honest    *swtpm.TPM
	mallory   *swtpm.TPM
	files     engineFiles
	engine    *node.Engine
	validator *ecdsa.PrivateKey
	attacker  *ecdsa.PrivateKey
}

// newStage makes files, TPMs, keys and the simulated library, side by side; it starts no agent.
func newStage(dir string, tools node.Tools) (*stage, error) {
	s := &stage{dir: dir, tools: tools, perMinute: 6000}
	var err error
	if err = s.layOut(); err != nil {
		return nil, err
	}
	if s.authority, err = swtpm.NewAuthority(filepath.Join(dir, "authority")); err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	errs := make([]error, 4)
	wg.Go(func() {
		s.honest, errs[0] = booted(filepath.Join(dir, "tpm"), s.authority)
	})
	wg.Go(func() {
		s.mallory, errs[1] = booted(filepath.Join(dir, "mallory", "tpm"), s.authority)
	})
	wg.Go(func() { s.library, errs[2] = s.nvml() })
	wg.Go(func() { _, errs[3] = swtpm.NewAuthority(filepath.Join(dir, "other-authority")) })
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// booted makes a TPM that has measured what our virtual machine measured when it booted: the logs are real, the boot is replayed.
func booted(dir string, authority *swtpm.Authority) (*swtpm.TPM, error) {
	t, err := swtpm.Start(dir, swtpm.Options{Authority: authority})
	if err != nil {
		return nil, err
	}
	if err := t.Measure(vm.Boot, vm.IMA); err != nil {
		return nil, errors.Join(err, t.Stop())
	}
	return t, nil
}

// layOut writes directories, engine files and keys.
func (s *stage) layOut() error {
	for _, d := range []string{"node", "engine", "other", "nvml", "keys", "mallory", "attacks"} {
		if err := os.Mkdir(filepath.Join(s.dir, d), 0o700); err != nil {
			return err
		}
	}
	s.files = engineFiles{binary: filepath.Join(s.dir, "engine", engineName), otherBinary: filepath.Join(s.dir, "other", engineName),
		model: filepath.Join(s.dir, "engine", "model"), otherModel: filepath.Join(s.dir, "other", "model"),
		downCast: filepath.Join(s.dir, "other", "down-cast")}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if s.engine, err = node.NewEngine(filepath.Join(s.dir, "engine")); err != nil {
		return err
	}
	if s.validator, err = s.key("validator"); err != nil {
		return err
	}
	if s.attacker, err = s.key("mallory"); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(s.bootLog(), vm.Boot, 0o600),
		os.WriteFile(s.imaLog(), vm.IMA, 0o600),
		node.CopyProgram(self, s.files.binary, nil),
		node.CopyProgram(self, s.files.otherBinary, []byte("another build")),
		engine.WriteModel(s.files.model, 1, modelWidth),
		engine.WriteModel(s.files.otherModel, 2, modelWidth),
		engine.WriteDownCast(s.files.downCast, 1, modelWidth))
}

// key makes a validator key whose public half the node's operator lists: the attacker's too, for he may be the operator.
func (s *stage) key(name string) (*ecdsa.PrivateKey, error) {
	k, err := sign.GenerateKey()
	if err != nil {
		return nil, err
	}
	pub, err := sign.MarshalPublicKey(&k.PublicKey)
	if err != nil {
		return nil, err
	}
	return k, os.WriteFile(filepath.Join(s.dir, "keys", name+".pub"), pub, 0o644)
}

// keys is the glob of listed validators.
func (s *stage) keys() string { return filepath.Join(s.dir, "keys", "*.pub") }

func (s *stage) bootLog() string { return filepath.Join(s.dir, "node", "boot.bin") }
func (s *stage) imaLog() string  { return filepath.Join(s.dir, "node", "ima.bin") }

func (s *stage) nvml() (string, error) {
	dir := filepath.Join(s.dir, "nvml")
	library, err := nvml.Build(dir, nvml.Full)
	if err != nil {
		return "", fmt.Errorf("%w: install it with `make setup`", err)
	}
	// Its GPUs are warm, work, and cool down again, over and over: what telemetry is for.
	conf := nvml.Conf{Profile: nvml.H100}
	conf.LoadScript, conf.LoadRepeat = []nvml.LoadPoint{{Second: 0, Percent: 60}, {Second: 10, Percent: 95}, {Second: 20, Percent: 60}}, 20
	conf.EpochMillis = nvml.BootMillis()
	return library, nvml.WriteConf(dir, conf)
}

// startNode starts the engine and the real agent.
func (s *stage) startNode(ctx context.Context) (*node.Node, error) {
	if err := s.Honest(ctx); err != nil {
		return nil, err
	}
	return node.Start(ctx, node.Options{Dir: filepath.Join(s.dir, "node"), Tools: s.tools, TPMSocket: s.honest.Socket(), Library: s.library,
		Keys: s.keys(), PerMinute: s.perMinute, BootLog: s.bootLog(), IMALog: s.imaLog(),
		Engine: &node.EngineConfig{Endpoint: s.engine.Endpoint(), Model: s.files.model, Declared: modelName}})
}

// roots reads the certificates of an authority.
func roots(dir string) (*enroll.Roots, error) { return enroll.LoadRoots(os.DirFS(dir)) }

// stop ends what newStage started; the directory is for its maker to remove.
func (s *stage) stop() error {
	var errs []error
	if s.engine != nil {
		errs = append(errs, s.engine.Stop())
	}
	for _, t := range []*swtpm.TPM{s.honest, s.mallory} {
		if t != nil {
			errs = append(errs, t.Stop())
		}
	}
	return errors.Join(errs...)
}
