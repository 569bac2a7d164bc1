package main

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/agent"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/internal/hw"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
	"github.com/hallmark-attest/hallmark/sign"
)

// side is one running agent.
type side struct {
	address string
	tpm     *swtpm.TPM
	slow    *swtpm.Slow
	ueid    attest.UEID
	keys    []*ecdsa.PrivateKey // a validator for each client
	stop    func() error
}

// startSide starts an agent whose TPM takes so long over a quote.
func (h *host) startSide(ctx context.Context, name string, quote time.Duration, batch agent.BatchOptions) (s *side, err error) {
	dir := filepath.Join(h.dir, fmt.Sprintf("%s-%v", name, quote))
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		return nil, err
	}
	s = &side{stop: func() error { return nil }}
	if s.keys, err = writeKeys(filepath.Join(dir, "keys"), clients); err != nil {
		return nil, err
	}
	if s.tpm, s.slow, err = h.slowTPM(dir, quote); err != nil {
		return nil, err
	}
	c := agent.DefaultConfig()
	c.StateDir, c.Metrics, c.TPM.Device = dir, "", "unix:"+s.tpm.Socket()
	c.Validators = agent.ValidatorsConfig{Keys: []string{filepath.Join(dir, "keys", "*.pub")}, PerMinute: 1_000_000}
	if err := s.run(ctx, h, &c, batch); err != nil {
		return nil, errors.Join(err, s.tpm.Stop())
	}
	return s, nil
}

// slowTPM starts a software TPM and opens it.
func (h *host) slowTPM(dir string, quote time.Duration) (*swtpm.TPM, *swtpm.Slow, error) {
	t, err := swtpm.Start(filepath.Join(dir, "tpm"), swtpm.Options{Authority: h.authority})
	if err != nil {
		return nil, nil, err
	}
	conn, err := hw.OpenTPM("unix:" + t.Socket())
	if err != nil {
		return nil, nil, errors.Join(err, t.Stop())
	}
	return t, swtpm.NewSlow(conn, quote), nil
}

// run starts the agent and waits until it answers.
func (s *side) run(ctx context.Context, h *host, c *agent.Config, batch agent.BatchOptions) error {
	log := slog.New(slog.NewTextHandler(devNull{}, nil)) // lines are made and formatted as in service
	keys, err := agent.NewKeyring(c.Validators.Keys)
	if err != nil {
		return err
	}
	sources, background, err := h.sources(c)
	if err != nil {
		return err
	}
	inputs := agent.ReadInputs(c, "/")
	col, err := agent.NewCollector(agent.CollectorOptions{Config: c, Version: "bench", Sources: sources, Background: background, Log: log, Now: time.Now,
		OpenTPM: func(ctx context.Context) (agent.TPM, error) {
			return agent.NewTPM(ctx, s.slow, c.TPM.Device, time.Now, tpm.Options{})
		},
		Inputs: func() attest.Inputs { return inputs }, Software: func() attest.Software { return attest.Software{} }})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ready, done := make(chan struct{}), make(chan error, 1)
	a := &agent.Agent{Config: c, Log: log, Batch: batch, Collector: col, Keys: keys, Listener: l, Ready: func() { close(ready) }}
	go func() { done <- a.Run(ctx) }()
	s.address, s.stop = l.Addr().String(), func() error { cancel(); return errors.Join(<-done, s.tpm.Stop()) }
	select {
	case <-ready:
	case err := <-done:
		cancel()
		return fmt.Errorf("agent: %w", err)
	}
	id, err := col.Identity(ctx)
	if err != nil {
		return errors.Join(err, s.stop())
	}
	s.ueid = id.UEID
	return nil
}

// devNull takes what is written, as a log file would, and keeps nothing.
type devNull struct{}

func (devNull) Write(b []byte) (int, error) { return len(b), nil }

// rawTPM is a device of its own with the same delay and no agent.
type rawTPM struct {
	*tpm.Device
	slow *swtpm.Slow
	stop func() error
}

// ask reads the sixteen registers and quotes them: what the TPM is asked for one challenge, eight registers a command (Part 3, 22.4).
func (r *rawTPM) ask(ctx context.Context) error {
	for first := range uint(2) {
		var pcrs []uint
		for i := range uint(8) {
			pcrs = append(pcrs, 8*first+i)
		}
		_, err := tpm2.PCRRead{PCRSelectionIn: tpm2.TPMLPCRSelection{PCRSelections: []tpm2.TPMSPCRSelection{
			{Hash: tpm2.TPMAlgSHA256, PCRSelect: tpm2.PCClientCompatible.PCRs(pcrs...)}}}}.Execute(r.slow)
		if err != nil {
			return err
		}
	}
	_, err := r.Quote(ctx, [32]byte{1})
	return err
}

func (h *host) raw(ctx context.Context, quote time.Duration) (*rawTPM, error) {
	dir := filepath.Join(h.dir, fmt.Sprintf("raw-%v", quote))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	t, slow, err := h.slowTPM(dir, quote)
	if err != nil {
		return nil, err
	}
	d, err := tpm.NewDevice(ctx, slow, tpm.Options{})
	if err != nil {
		return nil, errors.Join(err, t.Stop())
	}
	r := &rawTPM{d, slow, func() error { return errors.Join(slow.Close(), t.Stop()) }}
	return r, r.ask(ctx) // the first quote reads the registers beside
}

func writeKeys(dir string, n int) ([]*ecdsa.PrivateKey, error) {
	var keys []*ecdsa.PrivateKey
	for i := range n {
		k, err := sign.GenerateKey()
		if err != nil {
			return nil, err
		}
		pub, err := sign.MarshalPublicKey(&k.PublicKey)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.pub", i)), pub, 0o644); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}
