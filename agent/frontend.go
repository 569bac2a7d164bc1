package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// FrontendOptions are what a front end needs. Config, Half, Keys, Used and Log are required.
type FrontendOptions struct {
	Config *Config
	Half   Half
	Keys   *Keyring
	Used   *SingleUse
	Log    *slog.Logger
	Now    func() time.Time // default time.Now
	Batch  BatchOptions
	// AddressPerSecond bounds what one address may send that is not by a listed
	// validator; bursts of ten seconds. Default 5.
	AddressPerSecond float64
}

// Limits of the server.
const (
	maxHeaderBytes  = 16 << 10
	maxScrapers     = 64 // connections to /metrics
	headerTimeout   = 5 * time.Second
	readTimeout     = 10 * time.Second
	writeTimeout    = (attest.MaxLifeMillis + clockSkewMillis + 30_000) * time.Millisecond // an answer may wait for its whole life
	drainTimeout    = 20 * time.Second
	evidenceTimeout = 30 * time.Second // quotes of slow TPMs take a second; more is a hang
	identityFresh   = time.Second
	maxAddresses    = 16384
	burstSeconds    = 10
	unlistedAskers  = 20 // all unlisted keys together have the rate of so many listed ones
)

// Frontend is the half that has the network.
type Frontend struct {
	config *Config
	half   Half
	keys   *Keyring
	used   *SingleUse
	log    *slog.Logger
	now    func() time.Time

	tls    *tls.Config
	tlsKey attest.Digest
	front  FrontInputs

	bodies      bodies
	addresses   *rates[netip.Prefix] // of what is not by a listed validator
	askers      *rates[asker]        // of what is in a listed validator's name, from one address
	unlisted    *rates[netip.Prefix] // challenges of unlisted keys
	unlistedAll *rates[struct{}]     // the same, together
	perKey      *rates[attest.Digest]
	activations *rates[attest.Digest] // of enrolments, by key
	activating  chan struct{}         // one enrolment at a time
	logPlaces   *logPlaces
	logsWithin  time.Duration // logsWithin, but in tests
	blockPlaces *logPlaces    // for answers with blocks
	proved      *rates[attest.Digest]
	histories   *rates[attest.Digest] // of telemetry, by key
	batch       *batcher
	metrics     *metrics
	stopping    atomic.Bool

	idMu sync.Mutex
	id   *NodeIdentity
	idOK error
	idAt time.Time
}

// NewFrontend makes a front end with a fresh TLS key.
func NewFrontend(o FrontendOptions) (*Frontend, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.AddressPerSecond <= 0 {
		o.AddressPerSecond = 5
	}
	conf, digest, err := newTLS(o.Now())
	if err != nil {
		return nil, err
	}
	perSecond := float64(o.Config.Validators.PerMinute) / 60
	f := &Frontend{config: o.Config, half: o.Half, keys: o.Keys, used: o.Used, log: o.Log, now: o.Now, tls: conf, tlsKey: digest,
		front:     FrontInputs{Config: o.Config.Digest, NonDefault: nonDefault(o.Config)},
		bodies:    make(bodies, maxLargeBodies),
		addresses: newRates[netip.Prefix](o.AddressPerSecond, burst(o.AddressPerSecond), maxAddresses),
		// As many as can ask at once from one address: each has paid until its own signature is checked.
		askers:      newRates[asker](o.AddressPerSecond, max(burst(o.AddressPerSecond), maxPerAddress), maxAddresses),
		unlisted:    newRates[netip.Prefix](perSecond, burst(perSecond), maxAddresses),
		unlistedAll: newRates[struct{}](unlistedAskers*perSecond, burst(unlistedAskers*perSecond), 1),
		perKey:      newRates[attest.Digest](perSecond, burst(perSecond), maxValidators),
		activations: newRates[attest.Digest](activationsPerMinute/60.0, activationBurst, maxValidators),
		activating:  make(chan struct{}, 1),
		logPlaces:   newLogPlaces(maxLogReaders), logsWithin: logsWithin,
		blockPlaces: newLogPlaces(maxBlockPlace), proved: newRates[attest.Digest](provedPerMinute/60.0, provedBurst, maxValidators),
		histories: newRates[attest.Digest](historyPerMinute/60.0, historyBurst, maxValidators),
	}
	f.batch = newBatcher(o.Batch, f.evidence, func(n int, d time.Duration, err error) { f.metrics.observeBatch(n, d, err) })
	f.metrics = newMetrics(f)
	return f, nil
}

func burst(perSecond float64) int { return max(1, int(perSecond*burstSeconds)) }

// TLSKey is the digest of the server's key.
func (f *Frontend) TLSKey() attest.Digest { return f.tlsKey }

// Serve answers on l until ctx ends, then lets what is under way finish, within bounds.
func (f *Frontend) Serve(ctx context.Context, l net.Listener) error {
	batching, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	defer func() { stop(); wg.Wait() }()
	wg.Go(func() { f.batch.run(batching) })
	srv := &http.Server{
		Handler: f.routes(), TLSConfig: f.tls, MaxHeaderBytes: maxHeaderBytes, ReadHeaderTimeout: headerTimeout,
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		Protocols: protocols(), ConnContext: withConnection,
		ErrorLog: slog.NewLogLogger(f.log.Handler(), slog.LevelDebug),
	}
	l = guard(l, newConnections(maxConnections, maxPerAddress))
	return serve(ctx, srv, func() error { return srv.ServeTLS(l, "", "") }, func() { f.stopping.Store(true) })
}

// protocols is HTTP/1.1 alone. A validator has one question at a time and keeps
// its connection, so HTTP/2 would bring nothing but many requests at once behind
// one connection, which no longer bounds memory, and its own history of floods.
func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

// ServeMetrics answers /metrics on l, a loopback listener, until ctx ends.
func (f *Frontend) ServeMetrics(ctx context.Context, l net.Listener) error {
	srv := &http.Server{Handler: f.metrics.handler(), MaxHeaderBytes: maxHeaderBytes, ReadHeaderTimeout: headerTimeout,
		ReadTimeout: readTimeout, WriteTimeout: readTimeout, IdleTimeout: idleTimeout}
	l = guard(l, newConnections(maxScrapers, maxScrapers))
	return serve(ctx, srv, func() error { return srv.Serve(l) }, func() {})
}

// serve runs a server until ctx ends and then drains it.
func serve(ctx context.Context, srv *http.Server, run func() error, stopping func()) error {
	failed := make(chan error, 1)
	go func() { failed <- run() }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	stopping()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := srv.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close() // who is not done by now is cut off
	}
	<-failed
	return err
}

// evidence asks the collector for one batch, on nobody's context but the agent's.
func (f *Frontend) evidence(ctx context.Context, root attest.Digest, class attest.Class) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, evidenceTimeout)
	defer cancel()
	b, err := f.half.Evidence(ctx, &EvidenceParams{Root: root, Class: class, TLSKey: f.tlsKey, Front: f.front})
	if err != nil {
		f.log.Error("no evidence", "root", root.Short(), "err", err)
		if ctx.Err() != nil {
			return nil, refuse(attest.ProblemTimeout, "no evidence within %v", evidenceTimeout)
		}
		return nil, err
	}
	return b, nil
}

// identity is the collector's answer, at most a second old. Errors are kept as
// long: a flood while the TPM is missing does not reach the collector.
func (f *Frontend) identity(ctx context.Context) (*NodeIdentity, error) {
	f.idMu.Lock()
	defer f.idMu.Unlock()
	if !f.idAt.IsZero() && time.Since(f.idAt) < identityFresh {
		return f.id, f.idOK
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	f.id, f.idOK = f.half.Identity(ctx)
	if f.idOK != nil && asRefusal(f.idOK).Name == attest.ProblemInternal {
		f.log.Error("identity", "err", f.idOK)
		f.idOK = unavailable("identity", f.idOK)
	}
	f.idAt = time.Now()
	return f.id, f.idOK
}
