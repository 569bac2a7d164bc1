package rules

import (
	"fmt"
	"testing"
)

func honest(nodes int, rule, part string, value func(i int) float64) (out []Record) {
	for i := range nodes {
		out = append(out, Record{Node: fmt.Sprintf("node-%d", i), Outcomes: []Outcome{{ID: rule, Part: part, Outcome: Pass, Value: ptr(value(i))}, {ID: rule, Part: part, Outcome: Pass, Value: ptr(value(i))}}})
	}
	return out
}

func TestFitCountsOnOtherNodesThanItFitsOn(t *testing.T) {
	o := FitOptions{Base: DefaultCalibration(), ID: "a"}
	c, err := Fit(honest(40, "M5", "low", func(i int) float64 { return .8 + float64(i%10)/50 }), o)
	if err != nil || len(c.Limits) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	l := c.Limits[0]
	if l.Rule != "M5" || l.Name != "low" || l.Status != Counted || l.Value >= .8 || l.Value < .6 || l.Honest.Flagged != 0 || l.Honest.Nodes < 10 || l.Honest.Nodes > 30 || c.Demo {
		t.Errorf("%+v %+v", l, l.Honest)
	}
	if b, err := MarshalCalibration(c); err != nil {
		t.Error(err)
	} else if _, err := ParseCalibration(b, false); err != nil {
		t.Error(err)
	}
	// Half of the nodes is another sort: whichever half is fitted on, the other is flagged or both are allowed for.
	c, err = Fit(honest(40, "M5", "high", func(i int) float64 {
		if half(fmt.Sprintf("node-%d", i)) == 1 {
			return 9
		}
		return 1
	}), o)
	if err != nil || c.Limits[0].Honest.Flagged != c.Limits[0].Honest.Nodes {
		t.Errorf("%+v %v", c.Limits, err)
	}
}

func TestFitLeavesBoundsAndMeasuredLimitsAlone(t *testing.T) {
	o := FitOptions{Base: DefaultCalibration(), ID: "a"}
	for _, x := range [][2]string{{"R1", "share"}, {"M3", "below_permille"}, {"N1", "share"}, {"E2", "apart"}, {"M1", "t"}} {
		if c, err := Fit(honest(40, x[0], x[1], func(int) float64 { return 1 }), o); err == nil {
			t.Errorf("%s: %+v", x[0], c.Limits)
		}
	}
	o.Rules, o.Scope, o.Demo = []string{"M1"}, Scope{Model: "llama"}, true
	c, err := Fit(honest(40, "M1", "t", func(int) float64 { return 1 }), o)
	if err != nil || !c.Demo || c.limit("M1", "t", Scope{Model: "llama"}) == nil || c.limit("M1", "t", Scope{}) != nil {
		t.Errorf("named: %+v %v", c, err)
	}
	if _, err := Fit(honest(3, "M5", "low", func(int) float64 { return 1 }), FitOptions{Base: DefaultCalibration(), ID: "a"}); err == nil {
		t.Error("three nodes")
	}
}

func TestFitIsTheSameInAnyOrder(t *testing.T) {
	r := honest(12, "U1", "power_share", func(i int) float64 { return .3 + float64(i)/100 })
	a, _ := Fit(r, FitOptions{Base: DefaultCalibration(), ID: "a"})
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	b, _ := Fit(r, FitOptions{Base: DefaultCalibration(), ID: "a"})
	if a.Limits[0].Value != b.Limits[0].Value || *a.Limits[0].Honest != *b.Limits[0].Honest {
		t.Errorf("%+v, %+v", a.Limits[0], b.Limits[0])
	}
}

// Amounts are never below nothing: a limit there could not be violated, and would count as measured.
func TestFittedLimitsCanBeViolated(t *testing.T) {
	for _, r := range []struct{ rule, part string }{{"M4", "held_share"}, {"E1", "j_per_token"}, {"U1", "power_share"}, {"H2", "warmth"}} {
		c, err := Fit(honest(40, r.rule, r.part, func(i int) float64 { return .01 + float64(i*i) }), FitOptions{Base: DefaultCalibration(), ID: "a"})
		if err != nil || c.Limits[0].Value <= 0 || c.Limits[0].Value >= 1 {
			t.Errorf("%s: %+v, %v", r.rule, c, err)
		}
	}
}
