package rules

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Record is what the rules said of one node that is believed to be honest.
type Record struct {
	Node     string
	Outcomes []Outcome
}

// FitOptions say what to fit. Base holds the limits that are fitted anew, and in which direction a value is bad.
type FitOptions struct {
	Base  *Calibration
	ID    string
	Rules []string // ids; empty: all that Base has no measured limit for
	Scope Scope
	Demo  bool
}

// Fit makes limits from records of honest nodes: of each half of the nodes (by a digest of their names) one is fitted on, the other
// counted. A limit lies beyond the worst value that was fitted on, by half its distance from the median or a quarter of itself, whichever is more; by the root
// of their quotient where less is bad. Bounds have
// no honest spread and are not fitted. It refuses less than four nodes: two to fit on, two to count.
func Fit(records []Record, o FitOptions) (*Calibration, error) {
	out := &Calibration{Schema: CalibrationSchema, ID: o.ID, Demo: o.Demo}
	for _, l := range o.Base.Limits {
		if !o.wants(&l) {
			continue
		}
		byNode := map[string][]float64{}
		for _, r := range records {
			for i := range r.Outcomes {
				if x := &r.Outcomes[i]; x.ID == l.Rule && x.Part == l.Name && x.Value != nil {
					byNode[r.Node] = append(byNode[r.Node], *x.Value)
				}
			}
		}
		if len(byNode) < 4 {
			continue
		}
		out.Limits = append(out.Limits, fit(l, byNode, o.Scope))
	}
	if len(out.Limits) == 0 {
		return nil, errors.New("no rule was evaluated on four nodes or more: give records of more nodes, with what the rules read")
	}
	return out, out.check()
}

func (o *FitOptions) wants(l *Limit) bool {
	i := slices.IndexFunc(list, func(r Rule) bool { return r.ID == l.Rule })
	switch {
	case i < 0 || list[i].Kind == Bound || l.Scope != nil:
		return false
	case len(o.Rules) > 0:
		return slices.Contains(o.Rules, l.Rule)
	}
	return l.Status == Uncalibrated
}

// half says which half a node is in, so that the same records make the same limits anywhere.
func half(node string) int { return int(sha256.Sum256([]byte(node))[0] & 1) }

func fit(l Limit, byNode map[string][]float64, scope Scope) Limit {
	nodes := slices.Sorted(maps.Keys(byNode))
	slices.SortStableFunc(nodes, func(a, b string) int { return cmp.Compare(half(a), half(b)) })
	cut := 0
	for cut < len(nodes) && half(nodes[cut]) == 0 {
		cut++
	}
	cut = min(max(cut, 2), len(nodes)-2) // whatever the digests say, both halves have two
	sign := 1.0
	if l.Bad == "<" || l.Bad == "<=" {
		sign = -1
	}
	var values []float64
	for _, n := range nodes[:cut] {
		for _, v := range byNode[n] {
			values = append(values, sign*v)
		}
	}
	slices.Sort(values)
	worst, median := values[len(values)-1], values[len(values)/2]
	l.Value = sign * beyond(worst, median)
	l.Status, l.Honest = Counted, &Honest{Nodes: len(nodes) - cut}
	for _, n := range nodes[cut:] {
		if slices.ContainsFunc(byNode[n], l.violated) {
			l.Honest.Flagged++
		}
	}
	l.Source = fmt.Sprintf("fitted on %d values of %d nodes, worst %.4g, median %.4g; counted on %d others", len(values), cut, sign*worst, sign*median, len(nodes)-cut)
	if l.Scope = nil; scope != (Scope{}) {
		l.Scope = &scope
	}
	return l
}

// beyond is a limit behind the worst of many values, of which greater ones are bad. Where they are all below 0, amounts
// of which less is bad, the distance is by factors: a limit on the other side of nothing could not be violated.
func beyond(worst, median float64) float64 {
	if worst < 0 {
		return worst * min(.75, math.Sqrt(worst/median))
	}
	return worst + max((worst-median)/2, worst/4)
}

// ParseRules splits a list of rule ids and refuses unknown ones.
func ParseRules(s string) ([]string, error) {
	var out []string
	for _, id := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !slices.ContainsFunc(list, func(r Rule) bool { return r.ID == id }) {
			return nil, fmt.Errorf("no rule %.20q: hallmark rules lists them", id)
		}
		out = append(out, id)
	}
	return out, nil
}
