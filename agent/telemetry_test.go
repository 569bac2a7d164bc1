package agent

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/gpu"
	"github.com/hallmark-attest/hallmark/internal/sim/sweeps"
)

// sweeper is a probe over simulated GPUs.
type sweeper struct{ host *sweeps.Host }

func (s sweeper) Sweep(context.Context, gpu.SweepParams) (*gpu.Sweep, error) {
	r := s.host.Next(0)
	return &gpu.Sweep{Devices: r.Devices, Absent: r.Absent}, nil
}

// rawTPM gives quotes in the form of a real one.
type rawTPM struct{ *fakeTPM }

func (r rawTPM) Quote(ctx context.Context, qualifying attest.Digest) (any, error) {
	if _, err := r.fakeTPM.Quote(ctx, qualifying); err != nil {
		return nil, err
	}
	return tpm.Quote{Attest: qualifying[:], Signature: []byte{1}, Bank: tpm.SHA256}, nil
}

func telemetryNode(t *testing.T, o nodeOptions) *node {
	t.Helper()
	o.dir = t.TempDir()
	memory := 10 * time.Second
	if o.kept > 0 {
		memory = 500 * time.Millisecond
	}
	o.telemetry = recorder.New(recorder.Options{Sweeper: sweeper{sweeps.New(2, 1, 1)}, Interval: 5 * time.Millisecond, Dir: o.dir + "/telemetry",
		Version: "test", Clock: recorder.HostClock(), Log: quiet(t), Minute: 50 * time.Millisecond, Memory: memory, MaxBytes: o.kept})
	n := startNode(t, o)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if h, _ := o.telemetry.Head(); h.Index > 120 {
			return n
		}
		if time.Now().After(end) {
			t.Fatal("no telemetry within 20 s")
		}
	}
}

// windowed asks with a window and returns what a verifier has of it.
func (n *node) windowed(t *testing.T, w *attest.WindowRequest) (*attest.Window, *telemetry.Claims, *attest.Bound) {
	t.Helper()
	doc := seal(t, n.validator, attest.TypeChallenge, n.challenge(func(c *attest.Challenge) { c.Window = w }))
	resp, bound, err := n.exchange(n.client, doc)
	if err != nil {
		t.Fatal(err)
	}
	c, err := telemetry.Parse(bound.Submods[attest.KindTelemetry])
	if err != nil {
		t.Fatal(err)
	}
	return resp.Window, c, bound
}

// chain verifies chunks that follow one another and returns heads and marks by index.
func chain(t *testing.T, chunks [][]byte) (heads map[uint64]telemetry.Head, marks map[attest.Digest]uint64, end telemetry.Head) {
	t.Helper()
	heads, marks = map[uint64]telemetry.Head{}, map[attest.Digest]uint64{}
	for i, b := range chunks {
		c, err := telemetry.ParseChunk(b)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && c.Begin() != end {
			t.Fatalf("chunk %d does not continue the one before", i)
		}
		list, hs, err := c.Verify()
		if err != nil {
			t.Fatal(err)
		}
		heads[c.First-1] = c.Begin()
		for j, h := range hs {
			heads[h.Index] = h
			for _, m := range list[j].Marks {
				marks[m] = h.Index
			}
		}
		end = c.End()
	}
	return heads, marks, end
}

func TestWindowReachesTheQuotedHead(t *testing.T) {
	for name, two := range map[string]bool{"one process": false, "two halves": true} {
		t.Run(name, func(t *testing.T) {
			n := telemetryNode(t, nodeOptions{twoHalves: two})
			w, first, bound := n.windowed(t, &attest.WindowRequest{Seconds: 1})
			if w == nil || w.Absent != nil {
				t.Fatalf("%+v", w)
			}
			heads, _, _ := chain(t, w.Chunks)
			if heads[first.Index] != first.Head() {
				t.Error("the window does not hold the quoted head")
			}
			time.Sleep(200 * time.Millisecond)
			w, second, _ := n.windowed(t, &attest.WindowRequest{Since: &attest.ChainPoint{Genesis: first.Head().Genesis, Index: first.Index}})
			if w.Absent != nil {
				t.Fatalf("%+v", w.Absent)
			}
			heads, marks, _ := chain(t, w.Chunks)
			if heads[first.Index] != first.Head() || heads[second.Index] != second.Head() {
				t.Error("the window does not lead from the first quoted head to the second")
			}
			if at := marks[bound.Root]; at <= first.Index {
				t.Errorf("the first answer's root is marked in record %d, its head is %d", at, first.Index)
			}
		})
	}
}

func TestWindowIsForListedValidatorsAndForThoseWhoAsk(t *testing.T) {
	n := telemetryNode(t, nodeOptions{open: true})
	if w, _, _ := n.windowed(t, nil); w != nil {
		t.Error("a window that nobody asked for")
	}
	stranger := writeKey(t, t.TempDir()+"/x")
	doc := seal(t, stranger, attest.TypeChallenge, n.challenge(func(c *attest.Challenge) { c.Window = &attest.WindowRequest{Seconds: 5} }))
	resp, _, err := n.exchange(n.client, doc)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Window == nil || resp.Window.Absent == nil || resp.Window.Absent.Reason != attest.NotPermitted {
		t.Errorf("%+v", resp.Window)
	}
	if w, _, _ := n.windowed(t, &attest.WindowRequest{Since: &attest.ChainPoint{Genesis: attest.Digest{7}, Index: 1}}); w.Absent == nil || w.Absent.Reason != attest.NotPresent {
		t.Errorf("a chain that is not here: %+v", w.Absent)
	}
}

func TestNodeWithoutGPUsSaysSo(t *testing.T) {
	n := startNode(t, nodeOptions{})
	doc := seal(t, n.validator, attest.TypeChallenge, n.challenge(func(c *attest.Challenge) { c.Window = &attest.WindowRequest{Seconds: 5} }))
	resp, bound, err := n.exchange(n.client, doc)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Window.Absent == nil || resp.Window.Absent.Reason != attest.NotConfigured || bound.Submods[attest.KindTelemetry] != nil {
		t.Errorf("%+v", resp.Window)
	}
}

func (n *node) historyRequest(genesis attest.Digest, first, last, head uint64) *attest.TelemetryRequest {
	q := &attest.TelemetryRequest{Profiles: []string{attest.Profile}, Issued: millis(n.now()), Expires: millis(n.now()) + 60_000, Audience: n.ueid,
		Genesis: genesis, First: first, Last: last, Head: head}
	rand.Read(q.Nonce[:])
	return q
}

func TestHistoryIsProvedAgainstAQuotedHead(t *testing.T) {
	n := telemetryNode(t, nodeOptions{})
	_, c, _ := n.windowed(t, nil)
	head := c.Head()
	r, b := n.post("/v1/telemetry", attest.TypeTelemetry, seal(t, n.validator, attest.TypeTelemetry, n.historyRequest(head.Genesis, 10, 40, head.Index)))
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != attest.TypeHistory {
		t.Fatalf("%d: %s", r.StatusCode, b)
	}
	h, err := telemetry.ParseHistory(b)
	if err != nil {
		t.Fatal(err)
	}
	heads, _, end := chain(t, h.Chunks)
	if _, ok := heads[10]; !ok || end.Index < 40 || h.More {
		t.Errorf("chunks end at %d, more %v", end.Index, h.More)
	}
	if got := end.Follow(h.Trail); got != head {
		t.Errorf("the way leads to %v, want the quoted %v", got, head)
	}
	if telemetry.Start(h.Genesis[0]).Genesis != head.Genesis {
		t.Error("another genesis document")
	}
	for name, q := range map[string]*attest.TelemetryRequest{
		"another chain":        n.historyRequest(attest.Digest{1}, 1, 2, 0),
		"behind the newest":    n.historyRequest(head.Genesis, 1<<40, 1<<40, 0),
		"a way without an end": n.historyRequest(head.Genesis, 1, 2, 1<<40),
	} {
		t.Run(name, func(t *testing.T) {
			n.wantProblem("/v1/telemetry", attest.TypeTelemetry, seal(t, n.validator, attest.TypeTelemetry, q), attest.ProblemNotFound)
		})
	}
	bad := n.historyRequest(head.Genesis, 0, 2, 0)
	n.wantProblem("/v1/telemetry", attest.TypeTelemetry, seal(t, n.validator, attest.TypeTelemetry, bad), attest.ProblemMalformed)
	stranger := writeKey(t, t.TempDir()+"/x")
	n.wantProblem("/v1/telemetry", attest.TypeTelemetry, seal(t, stranger, attest.TypeTelemetry, n.historyRequest(head.Genesis, 1, 2, 0)), attest.ProblemUnknownKey)
}

// Who asks for more than is kept gets what is kept, and sees where it begins.
func TestHistoryBeginsAtTheOldestKept(t *testing.T) {
	n := telemetryNode(t, nodeOptions{kept: 100 << 10})
	var head telemetry.Head
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := n.collector.o.Telemetry.Claims(); err != nil {
			t.Fatal(err)
		} else if c.StoredFrom > 1 {
			head = c.Head()
			break
		}
		if time.Now().After(end) {
			t.Fatal("nothing was dropped within 20 s")
		}
	}
	r, b := n.post("/v1/telemetry", attest.TypeTelemetry, seal(t, n.validator, attest.TypeTelemetry, n.historyRequest(head.Genesis, 1, head.Index, head.Index)))
	if r.StatusCode != 200 {
		t.Fatalf("%d: %s", r.StatusCode, b)
	}
	h, err := telemetry.ParseHistory(b)
	if err != nil {
		t.Fatal(err)
	}
	heads, _, end := chain(t, h.Chunks)
	if _, whole := heads[0]; whole || heads[head.Index] != head && end.Follow(h.Trail) != head {
		t.Errorf("from the first record: %v; to %d", whole, end.Index)
	}
	n.wantProblem("/v1/telemetry", attest.TypeTelemetry, seal(t, n.validator, attest.TypeTelemetry, n.historyRequest(head.Genesis, 1, 2, head.Index)), attest.ProblemNotFound)
	if w, _, _ := n.windowed(t, &attest.WindowRequest{Since: &attest.ChainPoint{Genesis: head.Genesis, Index: 1}}); w.Absent == nil || w.Absent.Reason != attest.NotPresent {
		t.Errorf("a window that leaves records out: %+v", w.Absent)
	}
}

func TestAnchorsAreQuotesOverTheHead(t *testing.T) {
	raw := rawTPM{newFakeTPM(t)}
	n := telemetryNode(t, nodeOptions{tpm: raw.fakeTPM, openTPM: func(context.Context) (TPM, error) { return raw, nil }})
	if err := n.collector.anchor(t.Context()); err != nil {
		t.Fatal(err)
	}
	head, _ := n.collector.o.Telemetry.Head()
	_, anchors := n.collector.o.Telemetry.Documents(head.Genesis, 1, head.Index)
	if len(anchors) != 1 {
		t.Fatalf("%d anchors", len(anchors))
	}
	if a := anchors[0]; attest.Digest(a.Attest) != a.Head.Anchor() {
		t.Error("the quote is not over the head")
	}
}
