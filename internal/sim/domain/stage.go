package domain

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
	"github.com/hallmark-attest/hallmark/internal/sim/engine"
	"github.com/hallmark-attest/hallmark/internal/sim/node"
	"github.com/hallmark-attest/hallmark/internal/sim/nvml"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/testdata/vm"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/history"
)

const (
	modelName  = "demo-7b"
	engineName = "demo-engine"
	// modelWidth makes four layers of 2.4 GB together, which take no room on the disk: rules on speed are about models that do not fit in caches.
	modelWidth = 17408
)

// stage is everything on this machine.
type stage struct {
	dir       string
	tools     node.Tools
	authority *swtpm.Authority
	key       *ecdsa.PrivateKey
	binary    string // the engines' program
	model     string // directory of the weights that the reference names
	downCast  string
	library   string // the simulated NVML, to be copied
	validator *attacker.Validator
	reference []byte
	history   *history.Store
	replay    *node.Engine
	nodes     []*member
	client    *http.Client
}

// member is a party that runs.
type member struct {
	Party
	dir     string
	tpm     *swtpm.TPM
	engine  *node.Engine
	agent   *node.Node
	options node.Options
	conf    nvml.Conf
	file    []byte // node record
	first   []byte // records
	second  []byte
	stored  []byte // the second challenge
}

func (m *member) url() string { return m.engine.Endpoint() + "/v1" }

// newStage makes everything and starts it.
func newStage(ctx context.Context, dir, program string, tools node.Tools, cast []Party) (*stage, error) {
	s := &stage{dir: dir, tools: tools, binary: filepath.Join(dir, "engine", engineName), model: filepath.Join(dir, "engine", "model"), downCast: filepath.Join(dir, "engine", "down-cast"),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}}
	if err := s.layOut(ctx, program); err != nil {
		return s, err
	}
	errs := make([]error, len(cast))
	turns := make(chan struct{}, 4) // not all at once: this machine may be small
	var all sync.WaitGroup
	for i, p := range cast {
		m := &member{Party: p, dir: filepath.Join(dir, p.Name)}
		s.nodes = append(s.nodes, m)
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			errs[i] = s.start(ctx, m, uint64(i+1))
		})
	}
	all.Wait()
	return s, errors.Join(errs...)
}

// layOut makes keys, files, the library, reference values and the validator's replay of the model.
func (s *stage) layOut(ctx context.Context, program string) error {
	for _, d := range []string{"engine", "keys", "nvml", "history", "replay"} {
		if err := os.Mkdir(filepath.Join(s.dir, d), 0o700); err != nil {
			return err
		}
	}
	var err error
	if s.authority, err = swtpm.NewAuthority(filepath.Join(s.dir, "authority")); err != nil {
		return err
	}
	if s.key, err = sign.GenerateKey(); err != nil {
		return err
	}
	public, err := sign.MarshalPublicKey(&s.key.PublicKey)
	if err != nil {
		return err
	}
	if s.library, err = nvml.Build(filepath.Join(s.dir, "nvml"), nvml.Full); err != nil {
		return err
	}
	if s.replay, err = node.NewEngine(filepath.Join(s.dir, "replay")); err != nil {
		return err
	}
	if s.history, err = history.Open(filepath.Join(s.dir, "history")); err != nil {
		return err
	}
	err = errors.Join(os.WriteFile(filepath.Join(s.dir, "keys", "validator.pub"), public, 0o600),
		os.WriteFile(filepath.Join(s.dir, "boot.log"), vm.Boot, 0o600), os.WriteFile(filepath.Join(s.dir, "ima.log"), vm.IMA, 0o600),
		node.CopyProgram(program, s.binary, nil), engine.WriteLargeModel(s.model, modelWidth), engine.WriteLargeDownCast(s.downCast, modelWidth))
	if err != nil {
		return err
	}
	roots, err := enroll.LoadRoots(os.DirFS(s.authority.Roots()))
	if err != nil {
		return err
	}
	ref, err := node.Reference(ctx, s.tools, modelName, s.model, engineName, s.binary)
	if err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	s.validator = &attacker.Validator{Key: s.key, Roots: roots, Refs: &verify.References{}}
	if s.reference, err = verify.MarshalReference(s.key, *ref); err != nil {
		return err
	}
	if err := s.validator.Refs.Add(s.reference, &s.key.PublicKey); err != nil {
		return err
	}
	return s.replay.Run(ctx, s.binary, filepath.Join(s.model, engine.File), arguments(honestly)...)
}

// start starts one party: TPM, library, engine and agent.
func (s *stage) start(ctx context.Context, m *member, seed uint64) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", m.Name, err)
		}
	}()
	if err = os.MkdirAll(filepath.Join(m.dir, "nvml"), 0o700); err != nil {
		return err
	}
	if m.tpm, err = swtpm.Start(filepath.Join(m.dir, "tpm"), swtpm.Options{Authority: s.authority}); err != nil {
		return err
	}
	if err = m.tpm.Measure(vm.Boot, vm.IMA); err != nil {
		return err
	}
	model := s.model
	if m.downCast {
		model = s.downCast
	}
	if m.engine, err = node.NewEngine(m.dir); err != nil {
		return err
	}
	if err = m.engine.Run(ctx, s.binary, filepath.Join(model, engine.File), arguments(m.manner)...); err != nil {
		return err
	}
	library := ""
	if !m.noGPU {
		if m.twin {
			seed = 1
		}
		library = filepath.Join(m.dir, "nvml", nvml.Soname)
		m.conf = nvml.Conf{Profile: nvml.L40S, Seed: seed, Motion: nvml.Motion{Moving: true, EpochMillis: nvml.BootMillis()}, Faults: m.faults}
		if m.hot {
			air := 48
			m.conf.Ambient, m.conf.Cooling = &air, 40
		}
		if err = errors.Join(node.CopyProgram(s.library, library, nil), nvml.WriteConf(filepath.Dir(library), m.conf)); err != nil {
			return err
		}
	}
	m.options = node.Options{Dir: m.dir, Tools: s.tools, TPMSocket: m.tpm.Socket(), Library: library, Keys: filepath.Join(s.dir, "keys", "*.pub"), PerMinute: 6000,
		Engine:  &node.EngineConfig{Endpoint: m.engine.Endpoint(), Model: model, Declared: modelName, Public: m.url()},
		BootLog: filepath.Join(s.dir, "boot.log"), IMALog: filepath.Join(s.dir, "ima.log")}
	m.agent, err = node.Start(ctx, m.options)
	return err
}

func arguments(m engine.Manner) []string {
	return []string{"--seed", fmt.Sprint(m.Seed), "--first", m.First.String(), "--per-token", m.PerToken.String(), fmt.Sprintf("--canned=%v", m.Canned)}
}

// work lets the GPUs of all that work begin to, after a rest that shows what rest costs.
func (s *stage) work(rest time.Duration) error {
	var errs []error
	for _, m := range s.nodes {
		if m.noGPU || m.idle {
			continue
		}
		c := m.conf
		c.EpochMillis = nvml.BootMillis()
		c.LoadScript = []nvml.LoadPoint{{Second: 0, Percent: 0}, {Second: rest.Seconds(), Percent: 92}}
		c.LoadStep = true
		errs = append(errs, nvml.WriteConf(filepath.Join(m.dir, "nvml"), c))
	}
	return errors.Join(errs...)
}

// stop ends everything that was started.
func (s *stage) stop() error {
	var mu sync.Mutex
	var errs []error
	var all sync.WaitGroup
	for _, m := range s.nodes {
		all.Go(func() {
			var own []error
			if m.agent != nil {
				own = append(own, m.agent.Stop())
			}
			if m.engine != nil {
				own = append(own, m.engine.Stop())
			}
			if m.tpm != nil {
				own = append(own, m.tpm.Stop())
			}
			mu.Lock()
			errs = append(errs, own...)
			mu.Unlock()
		})
	}
	all.Wait()
	if s.replay != nil {
		errs = append(errs, s.replay.Stop())
	}
	return errors.Join(errs...)
}
