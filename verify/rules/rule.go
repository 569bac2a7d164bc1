package rules

import (
	"fmt"
	"math"
	"slices"
)

// Kind says how strong a violation is, given honest measurement.
type Kind string

const (
	Bound     Kind = "bound"     // cannot be: physics, arithmetic or cryptography stand against it
	Heuristic Kind = "heuristic" // honest nodes do it now and then
	Hint      Kind = "hint"      // honest nodes do it often
)

// Group holds rules that see the same thing: they do not add up.
type Group string

const (
	Model    Group = "model"
	Work     Group = "work done"
	Fabric   Group = "fabric"
	Latency  Group = "latency"
	Heat     Group = "heat"
	Identity Group = "identity"
)

// Basis says who stands against whom where a rule is violated.
type Basis string

const (
	Self     Basis = "self"     // two statements of the node's own evidence
	Observed Basis = "observed" // its statement, and what the validator measured
	Other    Basis = "other"    // its statement, and another party's: another node, a data sheet
)

// Outcomes.
const (
	Pass         = "pass"
	Violated     = "violated"
	NotEvaluable = "not evaluable" // something is stated, and neither for nor against
	Missing      = "missing"       // what it reads was not given at all
)

// Cause says who could mend what is not evaluable or missing.
type Cause string

const (
	Silent        Cause = "silent"         // the node could state it, and does not
	Lacking       Cause = "lacking"        // the validator has not given it
	NotApplicable Cause = "not applicable" // the rule is not about such a node
	Premise       Cause = "premise"        // what the rule takes for granted does not hold, or is not shown
	NoLimit       Cause = "uncalibrated"   // no limit is known for it
	NotBuilt      Cause = "not built"      // no evidence of this version has it
)

// Rule is one cross-check. Ids are those of the catalogue: added, never renamed.
type Rule struct {
	ID       string   `json:"id"`
	Group    Group    `json:"group"`
	Kind     Kind     `json:"kind"`
	Reads    []string `json:"reads"`
	Sentence string   `json:"sentence"` // what it holds against what
	Honest   string   `json:"honest"`   // how an honest node can violate it, and what bounds that
	// Capacity marks rules that show what a node can do, and no fault: they never weigh.
	Capacity bool `json:"capacity,omitempty"`

	eval func(*eval)
}

// Outcome is what one rule says of one subject.
type Outcome struct {
	ID      string `json:"id"`
	Part    string `json:"part,omitempty"`    // of a rule with several limits
	Subject string `json:"subject,omitempty"` // which part of the node: "engine main", "GPU 0000:1b:00.0"
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	// Value, Limit and Margin are in Unit; the margin is positive on the side of a pass.
	Value  *float64 `json:"value,omitempty"`
	Limit  *float64 `json:"limit,omitempty"`
	Margin *float64 `json:"margin,omitempty"`
	Unit   string   `json:"unit,omitempty"`
	Kind   Kind     `json:"kind"`
	Group  Group    `json:"group"`
	Basis  Basis    `json:"basis,omitempty"`
	// Contradicts says that this violation denies the tier: the evidence contradicts itself or the validator's own measurement.
	Contradicts bool      `json:"contradicts,omitempty"`
	Cause       Cause     `json:"cause,omitempty"`       // of what is not evaluable or missing
	Calibration Standing  `json:"calibration,omitempty"` // of the limit; empty where none was asked
	Calibrated  bool      `json:"calibrated"`            // the limit has a source: it may weigh
	Assurance   Assurance `json:"assurance"`
	Inputs      []Source  `json:"inputs"`
	Weight      float64   `json:"weight"` // that it adds to the score, before groups are joined

	capacity bool
	rate     float64 // Limit.Rate of the limit
}

// All lists the rules in the catalogue's order.
func All() []Rule { return slices.Clone(list) }

var list = []Rule{m1, m2, m3, m4, m5, r1, r2, r3, r4, e1, e2, u1, u2, n1, n2, n3, l1, l2, h1, h2, i1, i2, c1, c2, c3, v1}

// Judge runs every rule.
func Judge(in *Input, cal *Calibration) []Outcome {
	e := &eval{in: in, cal: cal, out: make([]Outcome, 0, 4*len(list)+12*len(in.GPUs))}
	for i := range list {
		e.rule = &list[i]
		before := len(e.out)
		e.rule.eval(e)
		if len(e.out) == before { // a rule that forgets to speak would read as a pass
			e.missing(Lacking, "nothing that it reads was given")
		}
	}
	return e.out
}

// eval is one run of the rules.
type eval struct {
	in   *Input
	cal  *Calibration
	rule *Rule
	out  []Outcome
}

func (e *eval) add(o Outcome, inputs []Source) {
	o.ID, o.Kind, o.Group, o.capacity = e.rule.ID, e.rule.Kind, e.rule.Group, e.rule.Capacity
	o.Inputs, o.Assurance = inputs, weakest(inputs)
	if o.Inputs == nil {
		o.Inputs = []Source{}
	}
	o.Weight = weight(&o)
	e.out = append(e.out, o)
}

func (e *eval) missing(cause Cause, reason string) {
	e.add(Outcome{Outcome: Missing, Cause: cause, Reason: reason}, nil)
}

func (e *eval) unable(subject string, cause Cause, reason string, inputs ...Source) {
	e.add(Outcome{Subject: subject, Outcome: NotEvaluable, Cause: cause, Reason: reason}, inputs)
}

// reading is a value to be held against a limit.
type reading struct {
	subject string
	limit   string // its name in the calibration, and the outcome's part
	scope   Scope
	value   float64
	reason  string // what was read, in words
	basis   Basis
	// contradicts: a violation denies the tier, where the limit has a source.
	contradicts bool
	inputs      []Source // not written to afterwards
}

// hold compares a reading with its limit.
func (e *eval) hold(r reading) {
	l := e.cal.limit(e.rule.ID, r.limit, r.scope)
	if l == nil {
		e.unable(r.subject, NoLimit, fmt.Sprintf("no limit %s.%s for %s in calibration %s: %s", e.rule.ID, r.limit, r.scope, e.cal.ID, r.reason), r.inputs...)
		return
	}
	e.holdAt(r, l)
}

func (e *eval) holdAt(r reading, l *Limit) {
	if math.IsNaN(r.value) || math.IsInf(r.value, 0) {
		e.unable(r.subject, Premise, "no finite value: "+r.reason, r.inputs...)
		return
	}
	at := l.Value
	margin := at - r.value
	if l.Bad == "<" || l.Bad == "<=" {
		margin = -margin
	}
	o := Outcome{Part: r.limit, Subject: r.subject, Outcome: Pass, Reason: r.reason, Value: &r.value, Limit: &at, Margin: &margin, Unit: l.Unit, Basis: r.basis,
		Calibration: l.Status, Calibrated: l.Status != Uncalibrated, rate: l.Rate()}
	if l.violated(r.value) {
		o.Outcome, o.Contradicts = Violated, r.contradicts && o.Calibrated
	}
	e.add(o, r.inputs)
}
