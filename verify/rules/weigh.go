package rules

import (
	"maps"
	"math"
	"slices"
)

// Judgement is what follows from all outcomes.
type Judgement string

const (
	Clear         Judgement = "clear"
	Suspect       Judgement = "suspect"
	SuspectStrong Judgement = "suspect_strong"
	Contradicted  Judgement = "contradicted"
)

// SuspectFrom is the score from which a node is suspect: a prior of one cheat in 33 nodes, log-odds -3.5.
const SuspectFrom = 3.5

const (
	strongFrom = 6
	clipStrong = 3 // a heuristic
	clipWeak   = 1 // a hint
)

// weight is what a violation adds. A limit that was never measured on honest nodes and one about capacity add nothing; nor does a
// contradiction, which needs no score. An exact one that does not contradict (I1) adds the most that a rule can: there is no rate to count.
func weight(o *Outcome) float64 {
	if o.Outcome != Violated || !o.Calibrated || o.capacity || o.Contradicts || o.Value == nil {
		return 0
	}
	most := float64(clipStrong)
	if o.Kind == Hint {
		most = clipWeak
	}
	if o.Calibration == Exact || o.Calibration == DataSheet {
		return most
	}
	return max(0, min(most, -math.Log(o.rate)))
}

// Conclusion joins the outcomes of one node.
type Conclusion struct {
	Judgement    Judgement         `json:"judgement"`
	Score        float64           `json:"score"`
	Groups       map[Group]float64 `json:"groups"`
	Contradicted []string          `json:"contradicted"` // rules, in the catalogue's order
}

// Conclude scores outcomes: the largest weight of each group, less what looking at several rules costs, added up.
func Conclude(out []Outcome) Conclusion {
	c := Conclusion{Judgement: Clear, Groups: map[Group]float64{}, Contradicted: []string{}}
	looked := map[Group][]string{}
	for _, o := range out {
		if o.Contradicts && !slices.Contains(c.Contradicted, o.ID) {
			c.Contradicted = append(c.Contradicted, o.ID)
		}
		if o.Calibrated && !o.capacity && o.Calibration == Counted && (o.Outcome == Pass || o.Outcome == Violated) && !slices.Contains(looked[o.Group], o.ID) {
			looked[o.Group] = append(looked[o.Group], o.ID)
		}
		if o.Weight > 0 {
			c.Groups[o.Group] = max(c.Groups[o.Group], o.Weight)
		}
	}
	weighty := 0
	for _, g := range slices.Sorted(maps.Keys(c.Groups)) { // in one order: sums of floating-point numbers differ by it
		w := c.Groups[g]
		c.Groups[g] = max(0, w-math.Log(float64(max(1, len(looked[g])))))
		if c.Score += c.Groups[g]; c.Groups[g] > 0 {
			weighty++
		}
	}
	switch {
	case len(c.Contradicted) > 0:
		c.Judgement = Contradicted
	case c.Score >= strongFrom && weighty >= 2:
		c.Judgement = SuspectStrong
	case c.Score >= SuspectFrom:
		c.Judgement = Suspect
	}
	return c
}
