package agent

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/sign"
)

// fakeTPM stands at the TPM interface; its quote is a signature over the qualifying data.
type fakeTPM struct {
	key  *ecdsa.PrivateKey
	took time.Duration

	quotes, claims, others atomic.Int64
	fail                   atomic.Pointer[error]
	busy                   atomic.Int32
	overlap, mute          atomic.Bool
}

type fakeQuote struct {
	Qualifying attest.Digest `cbor:"qualifying"`
	Signature  []byte        `cbor:"signature"`
}

func newFakeTPM(t testing.TB) *fakeTPM {
	key, err := sign.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return &fakeTPM{key: key}
}

func (f *fakeTPM) AKName() []byte { return []byte("\x00\x0bfake name") }

func (f *fakeTPM) Claims(context.Context) (any, error) {
	f.claims.Add(1)
	if f.mute.Load() {
		return nil, &attest.AbsentError{Absence: attest.Absent("tpm", attest.Timeout, "a mute TPM")}
	}
	return &tpm.Claims{ObtainedAt: 1, How: "fake", Device: "fake", AK: []byte{1}, EKs: []tpm.EKDigest{}, Bank: tpm.SHA256, Selection: tpm.Selection(),
		Absent: []attest.Absence{attest.Absent("firmware_version", attest.NotSupported, ""), attest.Absent("manufacturer", attest.NotSupported, ""),
			attest.Absent(tpm.RuntimeRegister, attest.NotConfigured, ""), attest.Absent("vendor", attest.NotSupported, "")}}, nil
}

func (f *fakeTPM) Quote(ctx context.Context, qualifying attest.Digest) (any, error) {
	if f.busy.Add(1) > 1 {
		f.overlap.Store(true)
	}
	defer f.busy.Add(-1)
	quoting(ctx)
	f.quotes.Add(1)
	time.Sleep(f.took)
	if err := f.fail.Load(); err != nil {
		return nil, *err
	}
	sig, err := ecdsa.SignASN1(rand.Reader, f.key, qualifying[:])
	return fakeQuote{qualifying, sig}, err
}

func (f *fakeTPM) Parameters(context.Context) (*attest.Parameters, error) {
	f.others.Add(1)
	return &attest.Parameters{EKs: []attest.EKOffer{{Template: "L-1", Key: []byte{1}}}, AK: []byte{2}, CreationData: []byte{3}, CreationAttest: []byte{4}, CreationSigning: []byte{5}}, nil
}

func (f *fakeTPM) Activate(_ context.Context, _ string, credential, _ []byte) ([]byte, error) {
	f.others.Add(1)
	if string(credential) != "good" {
		return nil, errors.New("TPM_RC_VALUE")
	}
	return []byte("secret"), nil
}

func (f *fakeTPM) Close() error { return nil }

// node is a whole agent on loopback with a listed validator.
type node struct {
	t         testing.TB
	url       string
	tpm       *fakeTPM
	validator *ecdsa.PrivateKey
	config    *Config
	keys      *Keyring
	now       func() time.Time
	stop      func() error
	client    *http.Client
	collector *Collector
	ueid      attest.UEID
}

type nodeOptions struct {
	open       bool
	perMinute  int
	noTPM      bool
	tpm        *fakeTPM
	openTPM    func(context.Context) (TPM, error)
	batch      BatchOptions
	now        func() time.Time
	dir        string
	sources    []Source
	background []func(context.Context)
	logs       map[string]LogReader
	blocks     BlockProver
	related    func(ima.Entry) bool
	bootID     func() ([16]byte, error)
	engines    *EngineWatch
	telemetry  *recorder.Recorder
	kept       int64 // bytes of telemetry on disk, with little of it in memory; 0: the defaults
	td         TD
	noRuntime  bool
	twoHalves  bool
}

func quiet(t testing.TB) *slog.Logger {
	if os.Getenv("AGENT_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

func startNode(t testing.TB, o nodeOptions) *node {
	t.Helper()
	n := &node{t: t, tpm: o.tpm, now: o.now}
	if n.now == nil {
		n.now = time.Now
	}
	if n.tpm == nil {
		n.tpm = newFakeTPM(t)
	}
	if o.dir == "" {
		o.dir = t.TempDir()
	}
	n.validator = writeKey(t, filepath.Join(o.dir, "v.pub"))
	c := DefaultConfig()
	c.StateDir, c.Metrics, c.TPM.Device = o.dir, "", "/dev/fake"
	c.Validators = ValidatorsConfig{Keys: []string{filepath.Join(o.dir, "*.pub")}, Open: o.open, PerMinute: max(o.perMinute, 1)}
	if o.perMinute == 0 {
		c.Validators.PerMinute = maxPerMinute
	}
	if o.noRuntime {
		c.Logs.RuntimeRegister = 0
	}
	n.config = &c
	if o.openTPM == nil {
		o.openTPM = func(context.Context) (TPM, error) { return n.tpm, nil }
	}
	if o.noTPM {
		c.TPM.Device, o.openTPM = None, nil
	}
	var err error
	if n.keys, err = NewKeyring(c.Validators.Keys); err != nil {
		t.Fatal(err)
	}
	n.collector, err = NewCollector(CollectorOptions{Config: &c, Version: "test", OpenTPM: o.openTPM, Sources: o.sources, Background: o.background, Logs: o.logs, Blocks: o.blocks, Related: o.related, BootID: o.bootID, Engines: o.engines, Telemetry: o.telemetry, TD: o.td,
		Inputs: func() attest.Inputs { return ReadInputs(&c, "/") }, Software: func() attest.Software { return attest.Software{Agent: &attest.FileDigest{Size: 1}} },
		Log: quiet(t), Now: n.now})
	if err != nil {
		t.Fatal(err)
	}
	if n.ueid = attest.UEIDFromAK(n.tpm.AKName()); o.noTPM {
		n.ueid = attest.UEIDFromKey(n.collector.keyID)
	}
	n.start(o)
	return n
}

func (n *node) start(o nodeOptions) {
	n.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &Agent{Config: n.config, Log: quiet(n.t), Now: n.now, Batch: o.batch, Collector: n.collector, Keys: n.keys, Listener: l}
	var wg sync.WaitGroup
	if o.twoHalves {
		n.config.Collector.Socket = filepath.Join(n.config.StateDir, "collector.sock")
		a.Collector = nil
		ul, err := ListenLink(n.config.Collector.Socket)
		if err != nil {
			n.t.Fatal(err)
		}
		s := &LinkServer{Half: n.collector, Log: quiet(n.t)}
		wg.Go(func() { s.Serve(ctx, ul) })
		wg.Go(func() { n.collector.Run(ctx) })
		<-n.collector.Warm()
	}
	ready, done := make(chan struct{}), make(chan error, 1)
	a.Ready = func() { close(ready) }
	go func() { done <- a.Run(ctx) }()
	select {
	case <-ready:
	case err := <-done:
		n.t.Fatal(err)
	case <-time.After(20 * time.Second):
		n.t.Fatal("not ready")
	}
	n.url = "https://" + l.Addr().String()
	n.client = newClient()
	n.stop = sync.OnceValue(func() error { cancel(); err := <-done; wg.Wait(); return err })
	n.t.Cleanup(func() {
		n.client.CloseIdleConnections()
		if err := n.stop(); err != nil {
			n.t.Error(err)
		}
	})
}

func newClient() *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}}}
}

func writeKey(t testing.TB, path string) *ecdsa.PrivateKey {
	t.Helper()
	key, err := sign.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	b, err := sign.MarshalPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return key
}

// challenge makes a good challenge; edit may spoil it.
func (n *node) challenge(edit func(*attest.Challenge)) *attest.Challenge {
	c := &attest.Challenge{Profiles: []string{attest.Profile}, Issued: millis(n.now()), Expires: millis(n.now()) + 60_000, Audience: n.ueid, Kinds: []attest.Kind{attest.KindTPM}}
	rand.Read(c.Nonce[:])
	if edit != nil {
		edit(c)
	}
	return c
}

func seal(t testing.TB, key *ecdsa.PrivateKey, typ string, v any) []byte {
	t.Helper()
	p, err := attest.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	b, err := sign.Seal(key, typ, p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (n *node) post(path, typ string, body []byte) (*http.Response, []byte) {
	n.t.Helper()
	r, err := n.client.Post(n.url+path, typ, bytes.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return r, b
}

// wantProblem posts and demands a problem of that name.
func (n *node) wantProblem(path, typ string, body []byte, name string) {
	n.t.Helper()
	r, b := n.post(path, typ, body)
	wantProblem(n.t, r, b, name)
}

func wantProblem(t testing.TB, r *http.Response, b []byte, name string) {
	t.Helper()
	var p attest.Problem
	if err := json.Unmarshal(b, &p); err != nil || r.Header.Get("Content-Type") != attest.TypeProblem {
		t.Fatalf("status %d, no problem document: %q (%v)", r.StatusCode, b, err)
	}
	if p.Type != attest.ProblemBase+name {
		t.Fatalf("got %s (%s), want %s", p.Type, p.Detail, name)
	}
	if p.Status != r.StatusCode || p.Status != problems[name].status || p.Title == "" {
		t.Fatalf("%s: status %d in the document, %d on the wire, title %q", name, p.Status, r.StatusCode, p.Title)
	}
	if (p.Status == 429 || p.Status == 503) != (r.Header.Get("Retry-After") != "") {
		t.Fatalf("%s: status %d, Retry-After %q", name, p.Status, r.Header.Get("Retry-After"))
	}
}

// ask sends a good challenge over client and checks everything about the response but the quote's truth.
func (n *node) ask(client *http.Client) (*attest.Response, *attest.Bound) {
	n.t.Helper()
	doc := seal(n.t, n.validator, attest.TypeChallenge, n.challenge(nil))
	resp, bound, err := n.exchange(client, doc)
	if err != nil {
		n.t.Fatal(err)
	}
	return resp, bound
}
