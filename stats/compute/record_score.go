package compute

import (
	"github.com/hallmark-attest/hallmark/stats"
)

// domainCells is one set of questions, embedded.
type domainCells struct {
	set     stats.Set
	cells   [][]Cell    // by node, question
	moments [][]Moments // the same
	pooled  []Cell      // the reference's, by question; nil without one
	ref     []Moments   // the same
	peers   *Peers      // without one
	total   [][]float64 // without one: the sum of all mean points
	center  *Center
	err     error // why there is no centre
}

func (r *run) embeddings(set stats.Set) []*stats.Result {
	if r.e == nil {
		var out []*stats.Result
		for _, node := range r.a.Nodes {
			for _, m := range []stats.MethodName{stats.EmbeddingScore, stats.EnergyDistance} {
				res := r.record(node, m, set)
				undecided(res, stats.NotRun, "no embeddings: give --embeddings or --embed-url")
				out = append(out, res)
			}
		}
		return out
	}
	d := r.cells(set)
	out := r.scores(d)
	return append(out, r.energies(d)...)
}

func (r *run) cells(set stats.Set) *domainCells {
	questions := r.a.Questions[set]
	at := make(map[string]int, len(questions))
	for i, q := range questions {
		at[q] = i
	}
	d := &domainCells{set: set}
	if len(r.References) > 0 {
		d.pooled = make([]Cell, len(questions))
	}
	for _, node := range r.a.Nodes {
		cells := make([]Cell, len(questions))
		for _, x := range r.of(node) {
			if x.Set == set && x.Text != nil {
				cells[at[x.Question]] = append(cells[at[x.Question]], r.e.By[Key{x.Node, x.Question, x.Repeat}])
			}
		}
		if r.isReference(node) {
			for q := range cells {
				d.pooled[q] = append(d.pooled[q], cells[q]...)
			}
		}
		d.cells, d.moments = append(d.cells, cells), append(d.moments, All(cells))
	}
	if d.pooled != nil {
		d.thicken()
		d.ref = All(d.pooled)
		d.center, d.err = Anchor(d.ref)
	} else {
		d.total = total(d.moments)
		if d.peers, d.err = NewPeers(d.moments); d.err == nil {
			d.center = d.peers.Center
		}
	}
	return d
}

// thicken leaves out the questions that the reference answered too rarely, where
// enough are left: the scatter of a few answers is as good as unknown, and one
// reference answer that did not come must not keep a whole domain without decision.
func (d *domainCells) thicken() {
	if d.referenced() < MinQuestions {
		return // nothing is decided; what can be stated is
	}
	for q, c := range d.pooled {
		if len(c) < MinReference {
			d.pooled[q] = nil
		}
	}
}

// referenced counts the questions with enough answers of the reference.
func (d *domainCells) referenced() (n int) {
	for _, c := range d.pooled {
		if len(c) >= MinReference {
			n++
		}
	}
	return n
}

// embedded adds what a record on embeddings must carry.
func (r *run) embedded(res *stats.Result, d *domainCells) {
	h := r.e.Header
	res.Embedding = &stats.Embedding{Embedder: h.Embedder, Digest: h.Digest, Dimensions: h.Dimensions, Normalised: h.Normalised}
	res.RawDigest = bothDigest(r.a.Digest, r.e.Digest)
	if d.pooled == nil {
		res.Reference = stats.Reference{Kind: stats.Peers, N: d.peers.Nodes}
		return
	}
	res.Reference = stats.Reference{Kind: stats.Anchor, ID: some(r.References), N: d.referenceAnswers()}
}

// referenceAnswers is the fewest of the reference to one question that it answered.
func (d *domainCells) referenceAnswers() int {
	n := 0
	for _, c := range d.pooled {
		if len(c) > 0 && (n == 0 || len(c) < n) {
			n = len(c)
		}
	}
	return n
}

// scores makes the embedding-score records: the paper's numbers, T, and what it decides.
func (r *run) scores(d *domainCells) []*stats.Result {
	var out []*stats.Result
	scores, failed := make([]float64, len(r.a.Nodes)), make([]error, len(r.a.Nodes))
	questions := make([]int, len(r.a.Nodes))
	for i := range r.a.Nodes {
		if failed[i] = d.err; d.err == nil {
			scores[i], questions[i], failed[i] = d.center.Score(d.moments[i])
		}
	}
	for i, node := range r.a.Nodes {
		res := r.record(node, stats.EmbeddingScore, d.set)
		r.embedded(res, d)
		res.Method.Params = map[string]float64{"cap": ScoreCap, "floor_share": floorShare}
		out = append(out, res)
		if r.isReference(node) {
			undecided(res, stats.NotRun, "this node is the reference")
			continue
		}
		put(res, "t", scores[i], failed[i]).N = questions[i]
		r.paper(res, d, i)
		switch {
		case failed[i] != nil:
			undecided(res, stats.NotEvaluable, "%s", failed[i])
		case d.pooled != nil:
			r.decideAnchor(res, scores[i], d.enough(i, MinRepeats), d)
		default:
			r.decidePeers(res, d.peers, i, d.enough(i, MinRepeatsPeers))
		}
		if d.set == stats.Knowledge {
			knowledge(res)
		}
	}
	return out
}

func (r *run) decideAnchor(res *stats.Result, score float64, questions int, d *domainCells) {
	res.Threshold = &stats.Threshold{Stat: "t", Value: ScoreCut}
	if n := d.referenceAnswers(); n < AnchorAnswers {
		res.Stats[0].Note = "the cut 1.9 was measured against 100 reference answers to each question; this reference has fewer"
	}
	switch {
	case d.referenced() < MinQuestions:
		d.thin(res)
	case questions < MinQuestions:
		tooFew(res, questions, MinRepeats)
	case score >= ScoreCut:
		res.Decision, res.Flags = stats.Outlier, []stats.Flag{stats.FlagOutlier}
	default:
		res.Decision = stats.Inlier
	}
}

// enough counts the questions that node i answered least times or more, and that
// the centre has. A question with fewer still counts for T: leaving one out changes nothing in a node's favour.
func (d *domainCells) enough(i, least int) (n int) {
	if d.err != nil {
		return 0
	}
	for q, m := range d.moments[i] {
		if m.N >= least && d.center.Mean[q] != nil {
			n++
		}
	}
	return n
}

func (d *domainCells) thin(res *stats.Result) {
	undecided(res, stats.NotEvaluable, "%d questions have %d answers of the reference or more: a decision needs %d; ask the reference more often, or name more of them", d.referenced(), MinReference, MinQuestions)
}

func tooFew(res *stats.Result, questions, least int) {
	undecided(res, stats.NotEvaluable, "%d questions have %d answers or more: a decision needs %d; ask more, for what a node leaves unanswered shows in its outcomes alone", questions, least, MinQuestions)
}

// knowledge takes back what questions on a knowledge base cannot show: a T near
// 1 is what two different knowledge bases gave in the published experiment, too.
func knowledge(res *stats.Result) {
	switch res.Decision {
	case stats.Inlier:
		undecided(res, stats.Inconclusive, "the answers do not differ measurably, which does not show that the knowledge base is the same: other ones scored no more in the published runs")
	case stats.Outlier:
		res.Reason = "answers on the knowledge base differ: model, knowledge base, embedding model of its search, or prompt; see the general set for the model"
	}
}
