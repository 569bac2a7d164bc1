package compute

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/stats"
)

// What a decision needs at least; below, the numbers are stated and decide nothing.
const (
	MinQuestions    = 20
	MinRepeats      = 5    // with an anchor
	MinRepeatsPeers = 10   // without
	MinReference    = 10   // answers of the reference to each question
	MinNodes        = 20   // without
	MinCame         = 0.95 // of what a node was asked, for an inlier
	AnchorAnswers   = 100
	PeersFDR        = 0.01 // expected share of honest nodes among the rejected
	Version         = "1"
)

// Options of an evaluation. Zero values mean the defaults named.
type Options struct {
	References   []string // nodes whose answers are the anchor; none: the domain's middle
	Seed         uint64   // of permutations
	Permutations int      // DefaultPermutations
	SlowShare    float64  // DefaultSlowShare
	ErrorShare   float64  // DefaultErrorShare
}

// The defaults of Options. The last two are not measured anywhere: records made with them are uncalibrated.
const (
	DefaultPermutations = 999
	DefaultSlowShare    = 0.5  // of the reference's median
	DefaultErrorShare   = 0.05 // of attempts
)

type run struct {
	Options
	a *Answers
	e *Embeddings
}

// Evaluate makes one record for each node and method, by node. e may be nil:
// then what needs embeddings is `not_run`. Nothing is left out silently: a node without answers has records that say so.
func Evaluate(a *Answers, e *Embeddings, o Options) ([]*stats.Result, error) {
	if o.Permutations == 0 {
		o.Permutations = DefaultPermutations
	}
	if o.SlowShare == 0 {
		o.SlowShare = DefaultSlowShare
	}
	if o.ErrorShare == 0 {
		o.ErrorShare = DefaultErrorShare
	}
	o.References = slices.Compact(slices.Sorted(slices.Values(o.References)))
	for _, id := range o.References {
		if !slices.Contains(a.Nodes, id) {
			return nil, fmt.Errorf("reference %q is no node of these answers: they have %s", id, some(a.Nodes))
		}
	}
	if o.Seed > stats.MaxSeed {
		return nil, fmt.Errorf("seed: above %d", uint64(stats.MaxSeed))
	}
	if e != nil {
		if err := e.Cover(a); err != nil {
			return nil, err
		}
	}
	r := &run{o, a, e}
	var out []*stats.Result
	for _, set := range []stats.Set{stats.General, stats.Knowledge} {
		if len(a.Questions[set]) == 0 {
			continue
		}
		out = append(out, r.embeddings(set)...)
	}
	out = append(out, r.latencies()...)
	out = append(out, r.outcomes()...)
	for _, res := range out {
		r.came(res)
	}
	slices.SortStableFunc(out, func(x, y *stats.Result) int { return strings.Compare(x.Subject.NodeID, y.Subject.NodeID) })
	return out, nil
}

func some(ids []string) string {
	const most = 6 // of MaxID bytes each they fit into a text
	if len(ids) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(ids[:most], ", "), len(ids)-most)
	}
	return strings.Join(ids, ", ")
}

// record begins a record: everything but what was found.
func (r *run) record(node string, method stats.MethodName, set stats.Set) *stats.Result {
	h := &r.a.Header
	id := strings.Join([]string{h.Epoch.ID, node, string(method)}, "/")
	if set != "" {
		id += "/" + string(set)
	}
	info := h.Nodes[node]
	res := &stats.Result{
		Schema: stats.Schema, ID: id, Method: stats.Method{Name: method, Version: Version},
		Subject: stats.Subject{NodeID: node, Domain: h.Domain, ModelRef: info.ModelRef, Endpoint: info.Endpoint},
		Epoch:   h.Epoch, Reference: stats.Reference{Kind: stats.None},
		Sample:    stats.Sample{Set: set, PromptsCommitment: h.PromptsCommitment, Sampling: h.Sampling},
		RawDigest: digestText(r.a.Digest),
	}
	r.count(res, node, set)
	return res
}

// came takes an inlier back where answers are missing. A node chooses what it
// leaves unanswered: what would have told, what it had to ask another for, what was
// slow. An outlier stays one; http-outcomes is about the missing ones itself.
func (r *run) came(res *stats.Result) {
	if res.Decision != stats.Inlier || res.Method.Name == stats.HTTPOutcomes {
		return
	}
	asked, came := 0, 0
	for _, x := range r.of(res.Subject.NodeID) {
		if set := res.Sample.Set; set == "" || x.Set == set {
			asked++
			if x.Text != nil {
				came++
			}
		}
	}
	if float64(came) < MinCame*float64(asked) {
		undecided(res, stats.Inconclusive, "what came does not stand out, and only %d of %d answers came: an inlier takes %.0f %%, for a node chooses what it leaves unanswered", came, asked, 100*MinCame)
	}
}

// count fills in how much the node answered: of one set, or of both.
func (r *run) count(res *stats.Result, node string, set stats.Set) {
	answered := map[string]int{}
	for _, x := range r.of(node) {
		if x.Text != nil && (set == "" || x.Set == set) {
			answered[x.Question]++
			res.Sample.Tokens += x.Tokens
		}
	}
	s := &res.Sample
	s.Tokens = min(s.Tokens, stats.MaxCount)
	s.Questions = len(answered)
	least := 0
	for _, n := range answered {
		s.Repeats = max(s.Repeats, n)
		if least == 0 || n < least {
			least = n
		}
	}
	if least < s.Repeats {
		s.RepeatsMin = least
	}
}

// of is one node's attempts: a part of a sorted list.
func (r *run) of(node string) []Answer {
	at, _ := slices.BinarySearchFunc(r.a.All, node, func(x Answer, n string) int { return strings.Compare(x.Node, n) })
	end := at
	for end < len(r.a.All) && r.a.All[end].Node == node {
		end++
	}
	return r.a.All[at:end]
}

func (r *run) isReference(node string) bool { return slices.Contains(r.References, node) }

func digestText(d [32]byte) string { return "sha256:" + hex.EncodeToString(d[:]) }

// bothDigest is SHA-256 of the two files' SHA-256, answers first.
func bothDigest(a, b [32]byte) string {
	return digestText(sha256.Sum256(append(slices.Clone(a[:]), b[:]...)))
}

// put adds a stat: its value, or why it has none.
func put(res *stats.Result, name string, value float64, err error) *stats.Stat {
	s := stats.New(name)
	if err != nil {
		s.NotEvaluable = err.Error()
	} else {
		s.Value = &value
	}
	res.Stats = append(res.Stats, s)
	return &res.Stats[len(res.Stats)-1]
}

func undecided(res *stats.Result, d stats.Decision, format string, args ...any) {
	res.Decision, res.Reason = d, fmt.Sprintf(format, args...)
}
