package compute

import (
	"fmt"
	"math"
	"strings"

	"github.com/hallmark-attest/hallmark/stats"
)

const (
	minTimed  = 50   // values of each side, to judge a shift
	slowLevel = 1e-3 // of the rank sum, for both shifts together
	manyNodes = 50   // from here on a node's own times move the pool of all by so little that they stay in
	minTokens = 2    // of an answer with a time between tokens
)

// times are one node's values: ttft and inter-token in ms, tokens a second.
type times struct{ ttft, itl, rate []float64 }

// timesOf reads answers that came. Inter-token time is (total - ttft)/(tokens - 1), tokens a second its inverse.
func timesOf(answers []Answer) (t times) {
	for _, x := range answers {
		if x.Text == nil {
			continue
		}
		if x.TTFT > 0 {
			t.ttft = append(t.ttft, x.TTFT)
			if x.Tokens >= minTokens && x.Total > x.TTFT {
				itl := (x.Total - x.TTFT) / float64(x.Tokens-1)
				t.itl, t.rate = append(t.itl, itl), append(t.rate, 1000/itl)
			}
		}
	}
	return t
}

func summary(v []float64) *stats.Summary {
	if len(v) == 0 {
		return nil
	}
	return &stats.Summary{P50: quantile(v, .5), P95: quantile(v, .95), N: len(v)}
}

// latencies makes the latency records: quantiles, and shifts against the reference or all other nodes.
func (r *run) latencies() []*stats.Result {
	all := make([]times, len(r.a.Nodes))
	for i, node := range r.a.Nodes {
		all[i] = timesOf(r.of(node))
	}
	var common *times
	if len(r.References) > 0 || len(r.a.Nodes) > manyNodes {
		common = r.compared(all, -1)
	}
	few := r.fewTimed(all)
	var out []*stats.Result
	for i, node := range r.a.Nodes {
		res := r.record(node, stats.LatencyMethod, "")
		out = append(out, res)
		own := all[i]
		if len(own.ttft) == 0 {
			undecided(res, stats.NotEvaluable, "no answer has ttft_ms")
			continue
		}
		res.Latency = &stats.Latency{TTFT: summary(own.ttft), ITL: summary(own.itl), TokensPerSecond: summary(own.rate)}
		wholes(res, r.of(node))
		if r.isReference(node) {
			undecided(res, stats.NotRun, "this node is the reference")
			continue
		}
		other := common
		if other == nil {
			other = r.compared(all, i)
		}
		res.Reference = stats.Reference{Kind: stats.Peers, N: len(other.ttft)}
		if len(r.References) > 0 {
			res.Reference.Kind, res.Reference.ID = stats.Anchor, some(r.References)
		}
		r.slow(res, own, *other, few)
	}
	return out
}

// compared pools the reference's times, or those of all nodes but one (none for -1).
func (r *run) compared(all []times, but int) *times {
	var o times
	for j, n := range r.a.Nodes {
		if j != but && (len(r.References) == 0 || r.isReference(n)) {
			o.ttft, o.itl, o.rate = append(o.ttft, all[j].ttft...), append(o.itl, all[j].itl...), append(o.rate, all[j].rate...)
		}
	}
	o.ttft, o.itl, o.rate = thinned(o.ttft), thinned(o.itl), thinned(o.rate)
	return &o
}

// fewTimed is why nobody is judged without a reference: of two nodes one is the slower, and which of them is as it should be nobody knows.
func (r *run) fewTimed(all []times) error {
	timed := 0
	for _, t := range all {
		if len(t.ttft) >= minTimed {
			timed++
		}
	}
	if len(r.References) > 0 || timed >= MinNodes {
		return nil
	}
	return unable("%d nodes with %d timed answers and no reference: what is slow takes %d; give --reference", timed, minTimed, MinNodes)
}

func (r *run) slow(res *stats.Result, own, other times, few error) {
	res.Method.Params = map[string]float64{"slow_share": r.SlowShare, "slow_level": slowLevel}
	p, slow := 1.0, false
	var lacks []string // shifts that cannot be judged
	for _, c := range []struct {
		name string
		x, y []float64
	}{{"ttft_shift", own.ttft, other.ttft}, {"itl_shift", own.itl, other.itl}, {"tokens_shift", own.rate, other.rate}} {
		s, err := NewShift(c.x, c.y)
		if err != nil {
			put(res, c.name, 0, err)
		} else {
			st := put(res, c.name, s.Value, nil)
			st.CI95, st.N = &s.CI95, s.N
		}
		switch {
		case c.name == "tokens_shift": // the inverse of inter-token times: no evidence of its own
		case err != nil:
			lacks = append(lacks, c.name+": "+err.Error())
		case min(s.N, s.M) < minTimed:
			lacks = append(lacks, fmt.Sprintf("%s: %d timed answers and %d to compare with", c.name, s.N, s.M))
		default:
			p = math.Min(p, s.PHigher)
			slow = slow || s.Share >= r.SlowShare && 2*s.PHigher < slowLevel
		}
	}
	switch {
	case few != nil:
		undecided(res, stats.NotEvaluable, "%s", few)
		return
	case len(lacks) > 0 && !slow: // who is slow in one of the two is slow; who is not is so in both
		undecided(res, stats.NotEvaluable, "%s: a decision needs %d of each", strings.Join(lacks, "; "), minTimed)
		return
	}
	p = math.Min(1, 2*p)
	res.PValue, res.PKind, res.Decision = &p, stats.Parametric, stats.Inlier
	if slow {
		res.Decision, res.Flags = stats.Outlier, []stats.Flag{stats.FlagSlow}
	}
}
