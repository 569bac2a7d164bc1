package rules

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"sync"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/strictjson"
)

// Limits of a calibration file. Sizes are bytes, counts elements.
const (
	MaxCalibrationSize = 1 << 20
	maxLimits          = 4096
)

// CalibrationSchema names this version of the file.
const CalibrationSchema = "calibration/v1"

// Standing says what a limit rests on.
type Standing string

const (
	Exact        Standing = "exact"        // an identity inside one record: nothing to count. Bounds only
	DataSheet    Standing = "data-sheet"   // follows from what the maker says of the hardware. Bounds only
	Counted      Standing = "measured"     // honest nodes were counted
	Uncalibrated Standing = "uncalibrated" // nobody measured it: shown, and weighs nothing
)

// Calibration holds the limits of all rules, and where each comes from.
type Calibration struct {
	Schema string `json:"schema"`
	ID     string `json:"id"`
	// Demo says that it was fitted on a demonstration. It is refused but where that was asked for.
	Demo   bool    `json:"demo,omitempty"`
	Limits []Limit `json:"limits"`
}

// Limit is one number of one rule.
type Limit struct {
	Rule   string   `json:"rule"`
	Name   string   `json:"name"`
	Value  float64  `json:"value"`
	Unit   string   `json:"unit"`
	Bad    string   `json:"bad"` // ">", ">=", "<" or "<=": a value that stands so to the limit violates
	Status Standing `json:"status"`
	Source string   `json:"source"`
	Honest *Honest  `json:"honest,omitempty"` // of a measured one
	Scope  *Scope   `json:"scope,omitempty"`  // what it holds for; without one, for all
}

// Honest counts nodes believed to be honest, other ones than those that the limit was fitted on: many records of one
// node are one node.
type Honest struct {
	Nodes   int `json:"nodes"`
	Flagged int `json:"flagged"` // of them, by this limit in any record
}

// Scope narrows a limit to a GPU model (of the catalogue) and a declared model of the engine. An empty word holds for all.
type Scope struct {
	GPU   string `json:"gpu,omitempty"`
	Model string `json:"model,omitempty"`
}

func (s Scope) String() string {
	switch {
	case s == Scope{}:
		return "all"
	case s.Model == "":
		return s.GPU
	case s.GPU == "":
		return s.Model
	}
	return s.GPU + ", " + s.Model
}

// covers reports whether a limit of scope s holds for of, and how narrow it is.
func (s Scope) covers(of Scope) (narrow int, ok bool) {
	for _, w := range [][2]string{{s.GPU, of.GPU}, {s.Model, of.Model}} {
		switch w[0] {
		case "":
		case w[1]:
			narrow++
		default:
			return 0, false
		}
	}
	return narrow, true
}

func (l *Limit) violated(v float64) bool {
	switch l.Bad {
	case ">":
		return v > l.Value
	case ">=":
		return v >= l.Value
	case "<":
		return v < l.Value
	}
	return v <= l.Value
}

// Rate is the upper 95 % end of the share of honest nodes that the limit flags (Wilson's interval); 1 where nothing was counted.
func (l *Limit) Rate() float64 {
	if l.Status != Counted || l.Honest == nil || l.Honest.Nodes < 1 {
		return 1
	}
	const z = 1.959964
	n, p := float64(l.Honest.Nodes), float64(l.Honest.Flagged)/float64(l.Honest.Nodes)
	return min(1, (p+z*z/(2*n)+z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n)))/(1+z*z/n))
}

//go:embed calibration.json
var builtIn []byte

// DefaultCalibration is the built-in file: what was measured before this version was made, and what was not.
func DefaultCalibration() *Calibration { return loadBuiltIn() }

// An error in an embedded file is a programming error.
var loadBuiltIn = sync.OnceValue(func() *Calibration {
	c, err := parseCalibration(builtIn)
	if err != nil {
		panic("built-in calibration: " + err.Error())
	}
	return c
})

// ParseCalibration reads a file strictly. A limit that no rule asks for, or that violates on the other side, is refused: it would
// be passed over in silence, or accuse everybody. A file that was fitted on a demonstration is refused unless unsafeDemo.
func ParseCalibration(b []byte, unsafeDemo bool) (*Calibration, error) {
	c, err := parseCalibration(b)
	if err != nil {
		return nil, err
	}
	if c.Demo && !unsafeDemo {
		return nil, errors.New("calibration: fitted on a demonstration, whose nodes are not like yours (--unsafe-demo-calibration reads it all the same)")
	}
	for i, l := range c.Limits {
		switch own := DefaultCalibration().limit(l.Rule, l.Name, Scope{}); {
		case own == nil:
			return nil, fmt.Errorf("calibration: limit %d: rule %s has no limit %.32s (hallmark rules lists them)", i, l.Rule, l.Name)
		case own.Bad[0] != l.Bad[0]:
			return nil, fmt.Errorf("calibration: limit %d: %s.%s violates where a value is %s the limit, not %s", i, l.Rule, l.Name, own.Bad, l.Bad)
		}
	}
	return c, nil
}

func parseCalibration(b []byte) (*Calibration, error) {
	if len(b) > MaxCalibrationSize {
		return nil, fmt.Errorf("calibration: %d bytes, limit %d", len(b), MaxCalibrationSize)
	}
	var c Calibration
	if err := strictjson.Decode(b, &c); err != nil {
		return nil, fmt.Errorf("calibration: %w", err)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("calibration: %w", err)
	}
	return &c, nil
}

// MarshalCalibration checks and encodes.
func MarshalCalibration(c *Calibration) ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("calibration: %w", err)
	}
	b, err := json.MarshalIndent(c, "", "  ")
	return append(b, '\n'), err
}

var limitName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

func (c *Calibration) check() error {
	if c.Schema != CalibrationSchema {
		return fmt.Errorf("schema %.40q, want %q", c.Schema, CalibrationSchema)
	}
	if c.ID == "" || len(c.Limits) > maxLimits {
		return fmt.Errorf("no id, or more than %d limits", maxLimits)
	}
	for i, l := range c.Limits {
		if err := l.check(); err != nil {
			return fmt.Errorf("limit %d, %.8s.%.32s: %w", i, l.Rule, l.Name, err)
		}
		for _, o := range c.Limits[:i] {
			if o.Rule == l.Rule && o.Name == l.Name && o.scope() == l.scope() {
				return fmt.Errorf("limit %d: %s.%s of scope %s stands twice", i, l.Rule, l.Name, l.scope())
			}
		}
	}
	for _, s := range c.texts() {
		if s != attest.Clean(s) {
			return errors.New("a text with control characters, or too long")
		}
	}
	return nil
}

func (c *Calibration) texts() []string {
	out := []string{c.ID}
	for _, l := range c.Limits {
		out = append(out, l.Unit, l.Source, l.scope().GPU, l.scope().Model)
	}
	return out
}

func (l *Limit) scope() Scope {
	if l.Scope == nil {
		return Scope{}
	}
	return *l.Scope
}

func (l *Limit) check() error {
	i := slices.IndexFunc(list, func(r Rule) bool { return r.ID == l.Rule })
	switch {
	case i < 0:
		return errors.New("no such rule")
	case !limitName.MatchString(l.Name):
		return errors.New("name: want lower-case letters, digits and _")
	case !slices.Contains([]string{">", ">=", "<", "<="}, l.Bad):
		return fmt.Errorf("bad %.10q: want >, >=, < or <=", l.Bad)
	case math.IsNaN(l.Value) || math.IsInf(l.Value, 0):
		return errors.New("no finite value")
	case l.Source == "":
		return errors.New("no source: say where the limit comes from")
	}
	switch l.Status {
	case Exact, DataSheet:
		if list[i].Kind != Bound {
			return fmt.Errorf("%s: only bounds are, and %s is a %s", l.Status, l.Rule, list[i].Kind)
		}
	case Counted:
		if l.Honest == nil || l.Honest.Nodes < 1 || l.Honest.Flagged < 0 || l.Honest.Flagged > l.Honest.Nodes || l.Honest.Nodes > 1<<40 {
			return errors.New("measured: want the honest nodes counted, and how many were flagged")
		}
	case Uncalibrated:
	default:
		return fmt.Errorf("status %.20q: want exact, data-sheet, measured or uncalibrated", l.Status)
	}
	if l.Honest != nil && l.Status != Counted {
		return fmt.Errorf("%s, with counts", l.Status)
	}
	return nil
}

// limit finds the narrowest limit of a rule that holds for scope; nil: none.
func (c *Calibration) limit(rule, name string, scope Scope) *Limit {
	var found *Limit
	most := -1
	for i := range c.Limits {
		l := &c.Limits[i]
		if l.Rule != rule || l.Name != name {
			continue
		}
		if n, ok := l.scope().covers(scope); ok && n > most {
			found, most = l, n
		}
	}
	return found
}

// With returns these limits with those of more in place of the ones of the same rule, name and scope.
func (c *Calibration) With(more *Calibration) *Calibration {
	out := &Calibration{Schema: CalibrationSchema, ID: more.ID + " over " + c.ID, Demo: c.Demo || more.Demo, Limits: slices.Clone(more.Limits)}
	for _, l := range c.Limits {
		if !slices.ContainsFunc(more.Limits, func(m Limit) bool { return m.Rule == l.Rule && m.Name == l.Name && m.scope() == l.scope() }) {
			out.Limits = append(out.Limits, l)
		}
	}
	return out
}
