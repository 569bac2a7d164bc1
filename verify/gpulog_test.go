package verify

import (
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/internal/sim/sweeps"
)

// gpuLog is a node whose agent keeps telemetry; the forge's time is its clock.
type gpuLog struct {
	*forge
	boot     time.Time
	bootID   byte
	interval time.Duration
	host     *sweeps.Host
	gpus     int
	chains   []*simChain // oldest first
	marks    []attest.Digest
	ahead    time.Duration // of the node's wall clock
	edit     func(*telemetry.Record)
	claim    func(*telemetry.Claims)
	send     func(*attest.Window) // what the node, or the network, makes of the window
}

type simChain struct {
	doc     []byte
	genesis telemetry.Genesis
	records []*telemetry.Record
	heads   []telemetry.Head // heads[i] stands before records[i]
	stored  int
}

func (c *simChain) head() telemetry.Head { return c.heads[len(c.records)] }

// add appends a record.
func (c *simChain) add(t testing.TB, r *telemetry.Record) {
	t.Helper()
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	c.records, c.heads = append(c.records, r), append(c.heads, c.head().Append(b))
}

func (c *simChain) clone() *simChain {
	out := *c
	out.records, out.heads = append([]*telemetry.Record(nil), c.records...), append([]telemetry.Head(nil), c.heads...)
	return &out
}

func newGPULog(t testing.TB, interval time.Duration, gpus int) *gpuLog {
	f := newForge(t)
	enrolled := ms(f.at)
	f.node = func(n *attest.Node) { n.Enrolled = enrolled }
	g := &gpuLog{forge: f, boot: f.at.Add(-time.Hour), bootID: 1, interval: interval, gpus: gpus, host: sweeps.New(gpus, interval.Seconds(), 5)}
	g.restart()
	return g
}

func (g *gpuLog) uptime() uint64 { return uint64(g.at.Sub(g.boot).Milliseconds()) }

func (g *gpuLog) now() *simChain { return g.chains[len(g.chains)-1] }

// restart begins a chain behind what the last one had stored.
func (g *gpuLog) restart() {
	gen := telemetry.Genesis{BootID: [16]byte{g.bootID}, Random: digest(byte(100 + len(g.chains))), At: ms(g.at.Add(g.ahead)), Uptime: g.uptime(),
		Interval: uint64(g.interval.Milliseconds()), Version: "test", UEID: g.ueid(), Ordinal: uint64(len(g.chains)), Why: "first"}
	if len(g.chains) > 0 {
		last := g.now()
		last.records, last.heads = last.records[:last.stored], last.heads[:last.stored+1]
		h := last.head()
		gen.Previous, gen.Why = &h, ""
	}
	g.begin(gen)
}

func (g *gpuLog) begin(gen telemetry.Genesis) {
	doc, err := gen.Encode()
	if err != nil {
		g.t.Fatal(err)
	}
	g.chains = append(g.chains, &simChain{doc: doc, genesis: gen, heads: []telemetry.Head{telemetry.Start(doc)}})
	g.marks = nil
}

// sweeps lets n intervals pass; whole minutes are stored.
func (g *gpuLog) sweeps(n int) *gpuLog {
	for range n {
		g.at = g.at.Add(g.interval)
		r := g.host.Next(ms(g.at))
		r.At, r.Uptime, r.Marks = ms(g.at.Add(g.ahead)), g.uptime(), g.marks
		g.marks = nil
		call(g.edit, r)
		c := g.now()
		c.add(g.t, r)
		c.stored = len(c.records) / 60 * 60
	}
	return g
}

func (g *gpuLog) stop() { g.now().stored = len(g.now().records) }

func (g *gpuLog) claimed() telemetry.Claims {
	c := g.now()
	out := telemetry.Claims{Genesis: c.doc, Ancestors: [][]byte{}, Index: uint64(len(c.records)), Hash: c.head().Hash, At: c.genesis.At, Uptime: c.genesis.Uptime,
		Now: g.uptime() + 10, StoredTo: uint64(c.stored)}
	for i := len(g.chains) - 2; i >= 0 && g.chains[i].genesis.BootID == c.genesis.BootID && len(out.Ancestors) < telemetry.MaxAncestors; i-- {
		if g.chains[i+1].genesis.Previous == nil {
			break
		}
		out.Ancestors = append(out.Ancestors, g.chains[i].doc)
	}
	if n := len(c.records); n > 0 {
		out.At, out.Uptime = c.records[n-1].At, c.records[n-1].Uptime
	}
	if out.StoredTo > 0 {
		out.StoredFrom = 1
	}
	call(g.claim, &out)
	return out
}

// answers gives a record to a challenge that asks for a window, nil for none. The
// batch's root marks the next record.
func (g *gpuLog) answers(w *attest.WindowRequest) []byte {
	g.t.Helper()
	g.claims[attest.KindTelemetry] = g.must(attest.Marshal(g.claimed()))
	g.challenge = func(c *attest.Challenge) {
		c.Window = w
		c.Nonce[0] ^= byte(g.uptime() >> 3)
		c.Nonce[1] ^= byte(g.uptime() >> 11)
	}
	g.response = func(r *attest.Response) {
		if w != nil {
			r.Window = g.window(w)
		}
	}
	out := g.make()
	r, err := peekRecord(out)
	if err != nil {
		g.t.Fatal(err)
	}
	b, err := peekBound(r)
	if err != nil {
		g.t.Fatal(err)
	}
	g.marks = append(g.marks, b.Root)
	return out
}

func (g *gpuLog) window(w *attest.WindowRequest) *attest.Window {
	out := &attest.Window{Chunks: [][]byte{}}
	for i, c := range g.chains {
		from := 0
		switch {
		case w.Since != nil && w.Since.Genesis == c.heads[0].Genesis:
			out.Chunks, from = [][]byte{}, int(w.Since.Index)
		case w.Since == nil && i < len(g.chains)-1:
			continue
		case w.Since == nil:
			from = len(c.records) - int(time.Duration(w.Seconds)*time.Second/g.interval)
		}
		out.Chunks = append(out.Chunks, g.chunks(c, max(from, 0)/60*60)...)
	}
	if len(out.Chunks) == 0 {
		a := attest.Absent(attest.WindowAbsent, attest.NotYet, "no record")
		out.Absent = &a
	}
	call(g.send, out)
	return out
}

func (g *gpuLog) chunks(c *simChain, from int) (out [][]byte) {
	for ; from < len(c.records); from += 60 {
		chunk, err := telemetry.NewChunk(c.heads[from], c.records[from:min(from+60, len(c.records))])
		if err != nil {
			g.t.Fatal(err)
		}
		out = append(out, g.must(chunk.Encode()))
	}
	return out
}

// since asks for what lies behind another answer.
func (g *gpuLog) since(record []byte) *attest.WindowRequest {
	_, p, err := TelemetryPoint(record)
	if err != nil {
		g.t.Fatal(err)
	}
	return &attest.WindowRequest{Since: p}
}

// judged judges a record beside others and with what is kept.
func (g *gpuLog) judged(record []byte, h *History, with ...[]byte) *Result {
	g.t.Helper()
	v := g.verifier(g.t, g.known(), nil)
	o := g.soon(TierEnterprise)
	o.At = o.At.Add(24 * time.Hour) // older records are judged too
	for _, w := range with {
		b, err := v.Beside(w, o)
		if err != nil {
			g.t.Fatal(err)
		}
		o.With = append(o.With, b)
	}
	o.History = h
	r, err := v.Verify(record, o)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, f := range r.Findings {
		if f.ID == "claims.malformed" || f.ID == "response.malformed" || f.ID == "challenge.malformed" {
			g.t.Fatalf("the test sends what nobody reads: %+v", f)
		}
	}
	return r
}

// met reports whether the window's demand is met, else the finding that says why not.
func met(r *Result) string {
	for _, u := range r.Unmet {
		if u.Demand == string(DemandTelemetryWindow) {
			return u.Finding
		}
	}
	return "met"
}

func kept(rs ...*Result) *History {
	h := &History{}
	for _, r := range rs {
		h.Verdicts = append(h.Verdicts, *r.Verdict)
	}
	return h
}
