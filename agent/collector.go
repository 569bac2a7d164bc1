package agent

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/internal/roomy"
	"github.com/hallmark-attest/hallmark/sign"
)

// Name is the software name in evidence (EAT claim swname).
const Name = "hallmark-agent"

// CollectorOptions are what a collector needs. Config and Log are required.
type CollectorOptions struct {
	Config  *Config
	Version string
	// OpenTPM opens the attestation key; nil exactly where tpm.device is "none".
	OpenTPM func(context.Context) (TPM, error)
	// Sources read the claims besides the TPM's; a kind without source is not configured.
	Sources []Source
	// Background runs beside, until its context ends: digests of models.
	Background []func(context.Context)
	// TD is asked for quotes; nil where tdx.report is "none".
	TD TD
	// Logs are what may be sent beside evidence, by attest's names; a log without reader is absent.
	Logs map[string]LogReader
	// Blocks proves blocks of weights; nil where no engine is configured.
	Blocks BlockProver
	// Related, unless nil, says which entries of the measurement list are sent; all others are hidden.
	Related func(ima.Entry) bool
	// BootID is the kernel's; nil keeps no runtime log.
	BootID func() ([16]byte, error)
	// Telemetry records what the GPUs do; nil on a host without GPUs.
	Telemetry *recorder.Recorder
	// Engines notices engines for the runtime log; may be nil.
	Engines *EngineWatch
	// Inputs and Software describe the agent itself; called for each evidence, so they must be cheap.
	Inputs   func() attest.Inputs
	Software func() attest.Software
	Log      *slog.Logger
	Now      func() time.Time // default time.Now
}

// Collector is the half that has the devices. It implements Half.
type Collector struct {
	o       CollectorOptions
	key     *ecdsa.PrivateKey // evidence key: fresh per start, or the node key where there is no TPM
	keyID   attest.Digest
	confirm attest.Confirmation
	keeper  *tpmKeeper   // nil without TPM
	runtime *runtimeLog  // nil without TPM
	td      *trustDomain // nil where no TD is configured
	related *relatedLog  // nil where the measurement list goes out as it is
	readers []*reader
	turn    turn          // one evidence or one step of enrolment at a time
	rested  time.Time     // no enrolment before; belongs to whoever has the turn
	passed  passed        // the same
	warm    chan struct{} // closed when every slow source was read once
}

// NewCollector makes a collector; Run starts it.
func NewCollector(o CollectorOptions) (*Collector, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if (o.OpenTPM == nil) != (o.Config.TPM.Device == None) {
		return nil, errors.New("collector: a TPM must be handed in exactly where tpm.device is not none")
	}
	c := &Collector{o: o, warm: make(chan struct{}), passed: passed{}, related: newRelatedLog(o.Logs[attest.LogIMA], o.Related)}
	var err error
	if o.OpenTPM == nil {
		c.key, err = loadNodeKey(o.Config.StateDir)
	} else {
		c.key, err = sign.GenerateKey()
		c.runtime = newRuntimeLog(o, runtimeFile, o.Config.Logs.RuntimeRegister, c.startFacts)
		c.keeper = newTPMKeeper(o.OpenTPM, &c.turn, c.runtime, o.Log)
		if c.runtime.wanted() {
			c.o.Logs = maps.Clone(o.Logs)
			if c.o.Logs == nil {
				c.o.Logs = map[string]LogReader{}
			}
			c.o.Logs[attest.LogCEL] = c.runtime.read
		}
	}
	if err != nil {
		return nil, err
	}
	if c.keyID, err = attest.KeyDigest(&c.key.PublicKey); err != nil {
		return nil, err
	}
	if c.confirm, err = attest.NewConfirmation(&c.key.PublicKey); err != nil {
		return nil, err
	}
	if o.TD != nil {
		c.td = newTrustDomain(o, c.startFacts)
		o.Sources = append(slices.Clip(o.Sources), c.td.source(o.Now))
		c.o.Logs = maps.Clone(c.o.Logs)
		if c.o.Logs == nil {
			c.o.Logs = map[string]LogReader{}
		}
		c.o.Logs[attest.LogCCEL], c.o.Logs[attest.LogRTMR] = c.td.ccel, c.td.events.read
	}
	if o.Telemetry != nil {
		o.Sources = append(slices.Clip(o.Sources), TelemetrySource(o.Telemetry))
	}
	for _, s := range o.Sources {
		c.readers = append(c.readers, newReader(s))
	}
	return c, nil
}

// Run keeps the TPM open and the slow claims fresh until ctx ends.
func (c *Collector) Run(ctx context.Context) {
	var all, first sync.WaitGroup
	if c.keeper != nil {
		first.Add(1)
		all.Go(func() { c.keeper.run(ctx, sync.OnceFunc(first.Done)) })
		if c.o.Engines != nil {
			all.Go(func() { c.record(ctx) })
		}
	}
	for _, r := range c.readers {
		if r.Every > 0 {
			first.Add(1)
			all.Go(func() { r.run(ctx, sync.OnceFunc(first.Done)) })
		}
	}
	if c.td != nil {
		all.Go(func() { c.td.open(ctx) })
		if c.keeper == nil && c.o.Engines != nil {
			all.Go(func() { c.record(ctx) })
		}
	}
	if c.o.Telemetry != nil {
		all.Go(func() { c.telemetry(ctx) })
		if c.keeper != nil {
			all.Go(func() { c.anchors(ctx, anchorEvery) })
		}
	}
	for _, b := range c.o.Background {
		all.Go(func() { b(ctx) })
	}
	all.Go(func() { first.Wait(); close(c.warm) })
	all.Wait()
	for _, l := range c.runtimeLogs() {
		l.close()
	}
}

// Warm is closed when the TPM was tried and every slow source was read once.
func (c *Collector) Warm() <-chan struct{} { return c.warm }

// root returns who this node is, and its TPM if it has one.
func (c *Collector) root() (attest.UEID, *heldTPM, error) {
	if c.keeper == nil {
		return attest.UEIDFromKey(c.keyID), nil, nil
	}
	t, err := c.keeper.get()
	if err != nil {
		return attest.UEID{}, nil, err
	}
	return attest.UEIDFromAK(t.AKName()), t, nil
}

// Identity implements Half.
func (c *Collector) Identity(context.Context) (*NodeIdentity, error) {
	ueid, t, err := c.root()
	if err != nil {
		return nil, err
	}
	return &NodeIdentity{UEID: ueid, EvidenceKey: c.keyID, TPM: t != nil, Version: c.o.Version}, nil
}

// Prepare implements Half.
func (c *Collector) Prepare(ctx context.Context, p *PrepareParams) (*Parts, error) {
	if _, _, err := c.root(); err != nil {
		return nil, err
	}
	if err := attest.CheckBlockRequests(p.Blocks); err != nil {
		return nil, err
	}
	return c.prepareBlocks(ctx, p), nil
}

// Evidence implements Half: measure, bind, quote, seal, in this order.
func (c *Collector) Evidence(ctx context.Context, p *EvidenceParams) ([]byte, error) {
	if err := c.turn.take(ctx, true); err != nil {
		return nil, unavailable("evidence", errors.New("the TPM is busy with another answer"))
	}
	defer c.turn.give()
	ueid, t, err := c.root()
	if err != nil {
		return nil, err
	}
	states := gather(ctx, c.readers)
	if c.o.Telemetry != nil {
		c.o.Telemetry.Mark(p.Root) // behind the head that is quoted: whoever asks for what follows it finds the mark there
	}
	for {
		bound, roots, err := c.bindAndQuote(ctx, p, ueid, t, states)
		switch {
		case dropUnfit(states): // first, for the error may be theirs
			continue // claims that our own check refuses never leave: once more, without them
		case err != nil:
			return nil, unavailable("evidence", err)
		}
		return c.seal(bound, roots)
	}
}

// bindAndQuote binds the states and lets the roots sign that. What can be found out while they do is.
func (c *Collector) bindAndQuote(ctx context.Context, p *EvidenceParams, ueid attest.UEID, t *heldTPM, states map[attest.Kind]stated) (bound, roots []byte, err error) {
	b, err := c.bind(p, ueid, t, states)
	if err != nil {
		return nil, nil, err
	}
	if bound, err = attest.Marshal(b); err != nil {
		return nil, nil, fmt.Errorf("bound: %w", err)
	}
	checked := make(chan error, 1)
	go func() { roomy.Stack(); checked <- c.passed.check(b, bound) }()
	roots, err = c.quote(ctx, t, b, attest.Binding(p.Root, c.keyID, bound))
	return bound, roots, errors.Join(<-checked, err)
}

// bind puts together everything that the binding covers.
func (c *Collector) bind(p *EvidenceParams, ueid attest.UEID, t *heldTPM, states map[attest.Kind]stated) (*attest.Bound, error) {
	inputs := c.o.Inputs()
	inputs.Config = c.o.Config.Digest
	if p.Front.Config != inputs.Config {
		return nil, errDifferentFiles
	}
	inputs.NonDefault = union(nonDefault(c.o.Config), p.Front.NonDefault)
	software, err := attest.Marshal(c.o.Software())
	if err != nil {
		return nil, fmt.Errorf("software: %w", err)
	}
	var claims stated
	if t != nil {
		// A quote without the claims it belongs to reads like a forgery: rather no evidence than one that accuses its own node.
		if claims = t.stated(); claims.absence != nil {
			return nil, fmt.Errorf("tpm claims: %s: %s", claims.absence.Reason, claims.absence.Detail)
		}
	}
	if err := tdSilent(states, p.Class); t == nil && err != nil {
		return nil, err
	}
	outsideClass(states, p.Class)
	if t != nil {
		states[attest.KindTPM] = claims
	}
	b := &attest.Bound{
		IssuedAt: millis(c.o.Now()) / 1000, Confirmation: c.confirm, Root: p.Root, UEID: ueid,
		Name: Name, Version: []string{c.o.Version},
		Measurements: []attest.Measurement{{Format: attest.FormatSoftware, Bytes: software}},
		TLSKey:       p.TLSKey, Inputs: inputs, Class: p.Class,
	}
	setKinds(b, maps.Clone(states))
	return b, nil
}

// quote asks the TPM to sign the binding. There is no way around a TPM that
// fails: a node enrolled with an attestation key must not answer without it.
// A TD's quote comes first, for the TPM's covers it.
func (c *Collector) quote(ctx context.Context, t *heldTPM, b *attest.Bound, binding attest.Digest) ([]byte, error) {
	roots, inside := map[attest.Kind]any{}, map[attest.Kind]attest.Digest{}
	td, err := c.tdQuote(ctx, b, binding, t)
	if err != nil {
		return nil, err
	}
	if td != nil {
		roots[attest.KindTDX], inside[attest.KindTDX] = td, sha256.Sum256(td)
	}
	if t == nil {
		return attest.Marshal(roots)
	}
	inner, err := attest.Inner(inside)
	if err != nil {
		return nil, err
	}
	q, err := t.Quote(ctx, attest.TPMQualifying(binding, inner))
	if err != nil {
		t.failed(err)
		return nil, fmt.Errorf("tpm quote: %w", err)
	}
	if list, ok := c.o.Logs[attest.LogIMA]; ok { // as it is: hidden entries replay in one bank only
		if raw, ok := q.(tpm.Quote); ok {
			if err := mendIMA(ctx, list, &raw); err != nil {
				return nil, fmt.Errorf("tpm quote: %w", err)
			}
			q = raw
		}
	}
	roots[attest.KindTPM] = q
	return attest.Marshal(roots)
}

func (c *Collector) seal(bound, roots []byte) ([]byte, error) {
	payload, err := attest.Marshal(attest.Evidence{Profile: attest.Profile, Bound: bound, Roots: roots})
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	b, err := sign.Seal(c.key, attest.TypeEvidence, payload)
	if err != nil {
		return nil, err
	}
	if len(b) > attest.MaxEvidenceSize {
		return nil, unavailable("evidence", fmt.Errorf("%d bytes, limit %d", len(b), attest.MaxEvidenceSize))
	}
	return b, nil
}
