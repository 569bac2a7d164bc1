package verify

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/engine/census"
	"github.com/hallmark-attest/hallmark/gpu"
	"github.com/hallmark-attest/hallmark/stats"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

const nodeURL = "https://node.example/v1"

// poll is a validator's results about a forged node: three epochs of T, and times of whole answers.
type poll struct {
	t, rate  float64
	edit     func(*stats.Result)
	notOwn   bool
	nodeName string
}

func (p poll) results(f *forge) (out []StatResult) {
	add := func(r *stats.Result, values map[string]float64) {
		for _, name := range slices.Sorted(mapKeys(values)) {
			s := stats.New(name)
			v := values[name]
			s.Value = &v
			r.Stats = append(r.Stats, s)
		}
		if p.edit != nil {
			p.edit(r)
		}
		out = append(out, StatResult{Result: r, Digest: "sha256:" + strings.Repeat("0", 64)})
		if p.notOwn {
			out[len(out)-1].Signer = &attest.Digest{1}
		}
	}
	warm := 0.7
	for i, epoch := range []string{"e1", "e2", "e3"} {
		at := ms(f.at) - uint64(4-i)*3_600_000
		base := func(m stats.MethodName) *stats.Result {
			return &stats.Result{Schema: stats.Schema, ID: epoch + "/" + string(m), Method: stats.Method{Name: m, Version: "1"}, Decision: stats.Inlier,
				Subject: stats.Subject{NodeID: cmpOr(p.nodeName, f.ueid().String()), ModelRef: "llama", Endpoint: nodeURL}, Epoch: stats.Epoch{ID: epoch, StartMS: at, EndMS: at + 60_000},
				Reference: stats.Reference{Kind: stats.Anchor, N: 100}, Sample: stats.Sample{Questions: 20, Repeats: 10, Tokens: 5000, Sampling: &stats.Sampling{Temperature: &warm, UniquePrompts: true}}}
		}
		add(base(stats.EmbeddingScore), map[string]float64{"t": p.t})
		add(base(stats.LatencyMethod), map[string]float64{"e2e_rate": p.rate})
	}
	return out
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func mapKeys(m map[string]float64) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// answering is an engine with a counted model of 16 GB that the references know, which ran for a day and answers alone.
func answering(t *testing.T, f *forge) *engine.Engine {
	e := serving(t)
	none, since := uint64(0), ms(f.at)-24*3_600_000
	e.Public, e.Declared.Speculation, e.Declared.Alone, e.Process.StartMs = []string{nodeURL}, &none, true, &since
	params := uint64(8e9)
	m := &e.Models[0]
	m.Entries = slices.Clone(m.Entries)
	m.Entries[1].Size = 2 * params
	m.SizeBytes = m.Entries.Size()
	d, err := m.Entries.Digest()
	if err != nil {
		t.Fatal(err)
	}
	m.Digest = d[:]
	m.Census = &census.Census{Format: census.FormatSafetensors, Files: 1, Tensors: 9, Parameters: params, ActiveParameters: &params,
		ByType: []census.TypeCount{{Type: "bf16", Scheme: "none", Tensors: 9, Parameters: params, StorageBytes: 2 * params, MilliBits: 16_000}}}
	return e
}

// cards is a captured host with eight simulated H100.
func cards(f *forge) *gpu.Claims {
	f.t.Helper()
	c, err := gpu.Parse(readTestdata(f.t, "../gpu/testdata/h100-sxm-8.cbor"))
	if err != nil {
		f.t.Fatal(err)
	}
	c.ObtainedAt = ms(f.at)
	return c
}

func (f *forge) polled(t *testing.T, p poll, e *engine.Engine, o func(*Options)) *Result {
	t.Helper()
	f.claims[attest.KindEngine] = f.must(attest.Marshal(engine.Claims{ObtainedAt: ms(f.at), How: "procfs", Engines: []engine.Engine{*e}}))
	options := f.soon(TierVerified)
	options.Stats = p.results(f)
	if o != nil {
		o(&options)
	}
	r, err := f.judgeWith(f.known(), refs(t, attest.Reference{Models: []attest.ReferenceModel{{Name: "llama", Digest: attest.Digest(e.Models[0].Digest)}}}), options)
	if err != nil {
		t.Fatal(err)
	}
	if bad := ids(r, Contraindicated); slices.Contains(bad, "claims.malformed") {
		t.Fatalf("the test states claims nobody reads: %+v", r.Findings)
	}
	return r
}

func TestStatisticsAreHeldAgainstTheEvidence(t *testing.T) {
	for name, c := range map[string]struct {
		poll    poll
		edit    func(*engine.Engine)
		options func(*Options)
		says    []string
		rule    string // and its outcome
		outcome string
		first   string // hypothesis
	}{
		"honest": {poll: poll{t: 1.1, rate: 100}, says: []string{"+rules.clear", "-rules.contradicted", "-crosscheck.not_evaluable"}, rule: "R1", outcome: rules.Pass, first: "honest"},
		"another model": {poll: poll{t: 3, rate: 100}, says: []string{"+rules.clear", "-rules.contradicted"}, rule: "M1", outcome: rules.Violated,
			first: "swapped_after_attestation"},
		"faster than its GPUs":                            {poll: poll{t: 1.1, rate: 1e5}, says: []string{"xrules.contradicted"}, rule: "R1", outcome: rules.Violated, first: "cached_answers"},
		"faster, and not declared alone":                  {poll: poll{t: 1.1, rate: 1e5}, edit: func(e *engine.Engine) { e.Declared.Alone = false }, says: []string{"-rules.contradicted"}, rule: "R1", outcome: rules.NotEvaluable, first: "honest"},
		"faster, with a draft model that is not declared": {poll: poll{t: 1.1, rate: 1e5}, edit: func(e *engine.Engine) { e.Declared.Speculation = nil }, says: []string{"-rules.contradicted"}, rule: "R1", outcome: rules.NotEvaluable, first: "honest"},
		"faster, started since":                           {poll: poll{t: 1.1, rate: 1e5}, edit: func(e *engine.Engine) { e.Process.StartMs = new(uint64) }, says: []string{"-rules.contradicted"}, rule: "R1", outcome: rules.NotEvaluable, first: "honest"},
		"faster, by another's word":                       {poll: poll{t: 9, rate: 1e5, notOwn: true}, says: []string{"-rules.contradicted"}, rule: "R1", outcome: rules.NotEvaluable, first: "honest"},
		"faster, packed anew":                             {poll: poll{t: 1.1, rate: 1e5}, edit: func(e *engine.Engine) { e.Process.Args = []engine.Pair{{Name: "--quantization", Value: "fp8"}} }, says: []string{"-rules.contradicted"}, rule: "R1", outcome: rules.NotEvaluable, first: "honest"},
		"of another endpoint":                             {poll: poll{t: 9, rate: 1e5}, edit: func(e *engine.Engine) { e.Public = []string{"https://other.example"} }, says: []string{"!stats.unclaimed", "-rules.contradicted"}, rule: "M1", outcome: rules.NotEvaluable, first: "honest"},
		"of another endpoint, by another's word":          {poll: poll{t: 9, rate: 1e5, notOwn: true}, edit: func(e *engine.Engine) { e.Public = []string{"https://other.example"} }, says: []string{"-stats.unclaimed", "-rules.contradicted"}, rule: "M1", outcome: rules.NotEvaluable, first: "honest"},
		"of another node":                                 {poll: poll{t: 9, rate: 1e5, nodeName: "n9"}, says: []string{"?crosscheck.not_evaluable", "-rules.contradicted"}, rule: "M1", outcome: rules.NotEvaluable, first: "honest"},
		"of this node's other name":                       {poll: poll{t: 3, rate: 100, nodeName: "n9"}, options: func(o *Options) { o.StatsNode = "n9" }, says: []string{"-crosscheck.not_evaluable"}, rule: "M1", outcome: rules.Violated, first: "swapped_after_attestation"},
		"inconclusive":                                    {poll: poll{t: 9, rate: 100, edit: func(r *stats.Result) { r.Decision, r.Reason = stats.Inconclusive, "a quarter stands apart" }}, says: []string{"-rules.contradicted"}, rule: "M1", outcome: rules.NotEvaluable, first: "honest"},
	} {
		f := newForge(t)
		f.claims[attest.KindGPU] = f.must(attest.Marshal(cards(f)))
		e := answering(t, f)
		if c.edit != nil {
			c.edit(e)
		}
		r := f.polled(t, c.poll, e, c.options)
		if slices.Contains(c.says, "xrules.contradicted") && (r.Tier != TierNone || r.Conclusion.Judgement != rules.Contradicted) {
			t.Errorf("%s: %s, %s", name, r.Tier, r.Conclusion.Judgement)
		}
		t.Run(name, func(t *testing.T) { wants(t, r, c.says...) })
		got := ""
		for _, o := range r.Rules {
			if o.ID == c.rule && (got == "" || o.Outcome == rules.Violated) {
				got = o.Outcome
			}
		}
		if got != c.outcome || r.Hypotheses[0].Name != c.first {
			t.Errorf("%s: %s %s, %s first", name, c.rule, got, r.Hypotheses[0].Name)
		}
	}
}

// A node's clock may show anything: how long its process ran is the difference of two of its times.
func TestStartOfAnEngineDoesNotGoByTheNodesClock(t *testing.T) {
	const now, ran, hour = 1_000_000_000, 60_000, 3_600_000
	for _, off := range []int64{0, -hour, hour} {
		at := uint64(now + off)
		if got := startedBy(now+500, at, at-ran); got != now+500-ran {
			t.Errorf("%d ms off: %d", off, got)
		}
	}
	for name, got := range map[string]uint64{"not known": startedBy(now, now, 0), "set back meanwhile": startedBy(now, now-hour, now-1), "longer than time": startedBy(10, now, 1)} {
		if got != 0 {
			t.Errorf("%s: %d", name, got)
		}
	}
}

func TestOneGPUUnderTwoNames(t *testing.T) {
	f := newForge(t)
	c := cards(f)
	f.claims[attest.KindGPU] = f.must(attest.Marshal(c))
	name := GPUName(*c.GPUs[0].UUID).String()
	before := rules.Node{Name: "other", From: rules.Source{Name: "verdict", By: Asserted}, GPUs: []string{name}, First: ms(f.at) - 9_000_000, Last: ms(f.at) + 60_000}
	e := answering(t, f)
	r := f.polled(t, poll{t: 1, rate: 100}, e, func(o *Options) { o.History = &History{Others: []rules.Node{before}} })
	if o := outcomeOf(t, r, "I1", c.GPUs[0].PCI.Address); o.Outcome != rules.Violated || o.Contradicts || r.Hypotheses[0].Name != "sold_twice" {
		t.Errorf("%+v, %s first", o, r.Hypotheses[0].Name)
	}
	if o := outcomeOf(t, r, "I1", c.GPUs[1].PCI.Address); o.Outcome != rules.Pass {
		t.Errorf("%+v", o)
	}
	if len(ids(r, Contraindicated)) > 0 {
		t.Error(ids(r, Contraindicated))
	}
	if g := r.Verdict.GPUs; g == nil || len(g.Names) != 8 || g.Assurance != "asserted" || bytes.Compare(g.Names[0][:], g.Names[1][:]) >= 0 {
		t.Errorf("%+v", g)
	}
	if names := PeekGPUs(f.make()); len(names) != 8 {
		t.Errorf("%v", names)
	}
	if names := PeekGPUs([]byte("no record")); names != nil {
		t.Errorf("%v", names)
	}
	// Who had it first is not harmed by who copies it.
	r = f.polled(t, poll{t: 1, rate: 100}, e, func(o *Options) {
		o.History = &History{Others: []rules.Node{before}, GPUsSince: map[string]uint64{name: before.First - 1}}
	})
	if o := outcomeOf(t, r, "I1", c.GPUs[0].PCI.Address); o.Outcome != rules.Pass || !strings.Contains(o.Reason, "later or by weaker") {
		t.Errorf("%+v", o)
	}
}

func TestSlicesOfABoardAreNoBoards(t *testing.T) {
	f := newForge(t)
	c := cards(f)
	c.GPUs[0].MIG = &gpu.Mode{Current: true}
	if n := gpuNames(c); len(n) != 7 {
		t.Errorf("MIG: %v", n)
	}
	if g := gpuInput(&c.GPUs[0], rules.Source{}); g.Sliced != "MIG" || g.Model == nil || g.Model.Model != "H100 SXM5 80GB" {
		t.Errorf("%+v", g)
	}
	vgpu := "vgpu"
	c.GPUs[0].MIG, c.GPUs[0].Virtualization = nil, &vgpu
	if g := gpuInput(&c.GPUs[0], rules.Source{}); g.Sliced != "vgpu" {
		t.Errorf("%+v", g)
	}
}

func TestResultsFileIsReadByWhoseWordItIs(t *testing.T) {
	f := newForge(t)
	mine, theirs := newKey(t), newKey(t)
	one := poll{t: 1, rate: 1}.results(f)[1].Result
	line := func(k int) []byte {
		var b []byte
		var err error
		switch k {
		case 0:
			b, err = MarshalStatResult(nil, one)
		case 1:
			b, err = MarshalStatResult(mine, one)
		default:
			b, err = MarshalStatResult(theirs, one)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	file := bytes.Join([][]byte{line(0), {}, line(1), line(2)}, []byte("\n"))
	list, err := ReadStatResults(file, nil, &mine.PublicKey)
	if err != nil || len(list) != 3 || list[0].Signer != nil || !list[1].Checked || list[2].Checked || list[2].Signer == nil {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := ReadStatResults(file, &mine.PublicKey, nil); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Error(err)
	}
	if list, err := ReadStatResults(line(2), &theirs.PublicKey, &mine.PublicKey); err != nil || !list[0].Checked {
		t.Error(err)
	}
	forged := bytes.Replace(line(1), []byte(`"stat_result":"`), []byte(`"stat_result":"A`), 1)
	if _, err := ReadStatResults(forged, nil, &mine.PublicKey); err == nil {
		t.Error("a changed line is read")
	}
}

// The whole cross-check of a verified answer, on top of what verifying costs anyway.
func BenchmarkCrossCheck(b *testing.B) {
	g := newGPULog(b, time.Second, 8)
	g.claims[attest.KindGPU] = g.must(attest.Marshal(cards(g.forge)))
	v := g.verifier(b, g.known(), nil)
	o := g.soon(TierCommunity)
	o.Stats = poll{t: 1.1, rate: 100}.results(g.forge)
	record := g.sweeps(70).answers(seconds(60))
	opened, refused, err := v.Open(record, o)
	if err != nil || refused != nil {
		b.Fatal(err, refused)
	}
	a, refused := v.Authenticate(opened)
	if refused != nil {
		b.Fatal(refused)
	}
	ap := v.Appraise(a)
	b.ReportAllocs()
	for b.Loop() {
		v.CrossCheck(&Appraised{auth: ap.auth, claims: ap.claims, engineList: ap.engineList, gpuClaims: ap.gpuClaims, chain: ap.chain})
	}
}

// Engines pack weights anew as they load them, whatever the files hold: a bound must not take the files' width.
func TestWeightsAreReadWithFourBitsAtMost(t *testing.T) {
	f := newForge(t)
	f.claims[attest.KindGPU] = f.must(attest.Marshal(cards(f)))
	share := func(typ string, bits uint64) float64 {
		e := answering(t, f)
		m := &e.Models[0]
		m.Entries[1].Size = m.Census.Parameters * bits / 8
		m.SizeBytes = m.Entries.Size()
		d, err := m.Entries.Digest()
		if err != nil {
			t.Fatal(err)
		}
		m.Digest = d[:]
		b := &m.Census.ByType[0]
		b.Type, b.StorageBytes, b.MilliBits = typ, m.Entries[1].Size, 1000*bits
		return *outcomeOf(t, f.polled(t, poll{t: 1, rate: 100}, e, nil), "R1", "").Value
	}
	four := share("q4_0", 4)
	for typ, bits := range map[string]uint64{"fp8-e4m3": 8, "bf16": 16, "f32": 32} {
		if got := share(typ, bits); got != four {
			t.Errorf("share %v of %d bits, %v of 4", got, bits, four)
		}
	}
	if two := share("q2_k", 2); two != four/2 {
		t.Errorf("share %v of 2 bits, %v of 4", two, four)
	}
}

// Tables of which a row is looked up are not read, and the references' count of the same files goes before the node's.
func TestBoundsLeaveSideParametersOut(t *testing.T) {
	f := newForge(t)
	e := answering(t, f)
	m := &e.Models[0]
	whole, _ := modelFacts(&References{}, e)
	m.Census.SideParameters = m.Census.Parameters / 4
	less, _ := modelFacts(&References{}, e)
	if *less.LeastBytes != .75**whole.LeastBytes || *less.LeastParameters != .75**whole.LeastParameters || *less.ActiveBytes != *whole.ActiveBytes {
		t.Errorf("%v of %v bytes", *less.LeastBytes, *whole.LeastBytes)
	}
	own := *m.Census
	own.SideParameters = 0
	counted, _ := modelFacts(&References{counted: map[attest.Digest]*census.Census{attest.Digest(m.Digest): &own}}, e)
	if *counted.LeastBytes != *whole.LeastBytes {
		t.Errorf("%v bytes by the references' count, want %v", *counted.LeastBytes, *whole.LeastBytes)
	}
}
