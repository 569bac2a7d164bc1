package rules

import (
	"github.com/hallmark-attest/hallmark/stats"
	"strings"
	"testing"
)

func TestBuiltInCalibrationNamesEveryLimit(t *testing.T) {
	for _, c := range limitCases {
		if l := DefaultCalibration().limit(c.rule, c.part, Scope{}); l == nil {
			t.Errorf("%s.%s has no limit", c.rule, c.part)
		}
	}
	b, err := MarshalCalibration(DefaultCalibration())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseCalibration(b, false); err != nil || again.ID != DefaultCalibration().ID || len(again.Limits) != len(DefaultCalibration().Limits) {
		t.Error(err)
	}
}

func TestCalibrationIsReadStrictly(t *testing.T) {
	good := `{"schema":"calibration/v1","id":"a","limits":[{"rule":"M5","name":"low","value":0.4,"unit":"1","bad":"<","status":"measured","source":"s","honest":{"nodes":40,"flagged":1},"scope":{"model":"llama"}}]}`
	if c, err := ParseCalibration([]byte(good), false); err != nil || c.limit("M5", "low", Scope{Model: "llama"}) == nil || c.limit("M5", "low", Scope{}) != nil {
		t.Fatal(err)
	}
	entry := good[strings.Index(good, "[{")+1 : len(good)-2]
	for name, edit := range map[string][2]string{
		"another schema":         {"calibration/v1", "calibration/v2"},
		"no id":                  {`"id":"a"`, `"id":""`},
		"an unknown member":      {`"id":"a"`, `"id":"a","more":1`},
		"a member twice":         {`"id":"a"`, `"id":"a","id":"b"`},
		"no such rule":           {"M5", "M9"},
		"a name with spaces":     {`"low"`, `"l w"`},
		"a limit nobody asks":    {`"low"`, `"lower"`},
		"the other side":         {`"bad":"<"`, `"bad":">"`},
		"no comparison":          {`"bad":"<"`, `"bad":"="`},
		"no source":              {`"source":"s"`, `"source":""`},
		"no counts":              {`"honest":{"nodes":40,"flagged":1},`, ``},
		"no nodes":               {`"nodes":40`, `"nodes":0`},
		"more flagged than are":  {`"flagged":1`, `"flagged":41`},
		"counts of a guess":      {`"measured"`, `"uncalibrated"`},
		"an exact heuristic":     {`"status":"measured"`, `"status":"exact"`},
		"a data sheet's":         {`"status":"measured"`, `"status":"data-sheet"`},
		"an unknown standing":    {`"measured"`, `"good"`},
		"a control character":    {`"source":"s"`, `"source":"a\u001b"`},
		"one limit twice":        {entry, entry + "," + entry},
		"something behind":       {`]}`, `]}{}`},
		"a number out of range":  {`0.4`, `1e999`},
		"a text where a list is": {`"limits":[`, `"limits":"[`},
	} {
		bad := strings.Replace(good, edit[0], edit[1], 1)
		if bad == good {
			t.Fatalf("%s: nothing replaced", name)
		}
		if _, err := ParseCalibration([]byte(bad), true); err == nil {
			t.Errorf("%s is read", name)
		}
	}
	if _, err := ParseCalibration([]byte(strings.Repeat(" ", MaxCalibrationSize+1)), false); err == nil {
		t.Error("too long")
	}
}

func TestDemoCalibrationIsRefusedUnlessAskedFor(t *testing.T) {
	demo := []byte(`{"schema":"calibration/v1","id":"demo","demo":true,"limits":[]}`)
	if _, err := ParseCalibration(demo, false); err == nil || !strings.Contains(err.Error(), "--unsafe-demo-calibration") {
		t.Error(err)
	}
	c, err := ParseCalibration(demo, true)
	if err != nil || !DefaultCalibration().With(c).Demo {
		t.Error(err, "the mark is lost")
	}
}

func TestNarrowerLimitsCountFirst(t *testing.T) {
	mk := func(v float64, s *Scope) Limit {
		return Limit{Rule: "E1", Name: "j_per_token", Value: v, Unit: "J", Bad: "<", Status: Uncalibrated, Source: "s", Scope: s}
	}
	c := &Calibration{Schema: CalibrationSchema, ID: "a", Limits: []Limit{mk(1, nil), mk(2, &Scope{GPU: "L4"}), mk(3, &Scope{GPU: "L4", Model: "m"}), mk(4, &Scope{Model: "n"})}}
	for of, want := range map[Scope]float64{{}: 1, {GPU: "T4"}: 1, {GPU: "L4"}: 2, {GPU: "L4", Model: "m"}: 3, {GPU: "T4", Model: "m"}: 1, {GPU: "T4", Model: "n"}: 4} {
		if l := c.limit("E1", "j_per_token", of); l == nil || l.Value != want {
			t.Errorf("%s: %+v", of, l)
		}
	}
	over := (&Calibration{ID: "base", Limits: []Limit{mk(9, nil), mk(8, &Scope{GPU: "H100"})}}).With(c)
	if over.limit("E1", "j_per_token", Scope{}).Value != 1 || over.limit("E1", "j_per_token", Scope{GPU: "H100"}).Value != 8 {
		t.Errorf("%+v", over)
	}
}

func FuzzCalibration(f *testing.F) {
	f.Add(builtIn)
	f.Add([]byte(`{"schema":"calibration/v1","id":"a","limits":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCalibration(b, true)
		if err != nil {
			return
		}
		if _, err := MarshalCalibration(c); err != nil {
			t.Fatal(err)
		}
		Judge(full(), c)
	})
}

// What stats calibrate fits for one GPU and model must hold for nodes of them, by every rule that it fits.
func TestLimitsOfAScopeAreUsedByEveryRule(t *testing.T) {
	scope := Scope{GPU: "H100 SXM5 80GB", Model: "llama"}
	for _, l := range DefaultCalibration().Limits {
		if l.Status == Exact || l.Rule == "M2" { // which is about other weights
			continue
		}
		narrow := l
		narrow.Status, narrow.Honest, narrow.Scope = Counted, &Honest{Nodes: 300}, &scope
		narrow.Value = map[bool]float64{true: -1e18, false: 1e18}[l.Bad[0] == '>'] // everything violates
		if l.Rule == "E1" {
			narrow.Value = 1e12
		}
		o := part(Judge(full(), fitted().With(&Calibration{ID: "narrow", Limits: []Limit{narrow}})), l.Rule, l.Name)
		if o == nil || o.Outcome != Violated {
			t.Errorf("%s.%s: %+v", l.Rule, l.Name, o)
		}
		in := full()
		in.Engines[0].Declared.Model = "qwen"
		in.each(func(r *stats.Result) { r.Subject.ModelRef = "qwen" })
		if o := part(Judge(in, fitted().With(&Calibration{ID: "narrow", Limits: []Limit{narrow}})), l.Rule, l.Name); o != nil && o.Outcome == Violated {
			t.Errorf("%s.%s of another model: %+v", l.Rule, l.Name, o)
		}
	}
}
