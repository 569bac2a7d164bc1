package rules

import (
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/stats"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// served finds the result with the most tokens that the validator received from an engine within the telemetry's time, and the GPUs' activity over it.
func (e *eval) served(eng *Engine) (served Stat, list []stretch.Activity, inputs []Source, ok bool) {
	subject, t := "engine "+eng.Name, e.in.Telemetry
	if t == nil {
		cause := Silent
		if e.in.Chained {
			cause = Lacking
		}
		e.unable(subject, cause, "no telemetry: "+orNot(e.in.TelemetryWhy), eng.From)
		return Stat{}, nil, nil, false
	}
	if t.FromMS == 0 || t.ToMS <= t.FromMS {
		e.unable(subject, Premise, "the telemetry has gaps, or is of several boots: what was used meanwhile is not known", eng.From, t.From)
		return Stat{}, nil, nil, false
	}
	results := e.results(eng, "tokens and times", func(r *stats.Result) bool {
		return r.Sample.Tokens > 0 && r.Epoch.StartMS > 0 && r.Epoch.EndMS > 0
	})
	if results == nil {
		return Stat{}, nil, nil, false
	}
	tokens := 0.0
	for _, s := range results { // several methods count the same answers
		if s.Epoch.StartMS >= t.FromMS && s.Epoch.EndMS <= t.ToMS && float64(s.Sample.Tokens) > tokens {
			tokens, served = float64(s.Sample.Tokens), s
			inputs = []Source{eng.From, s.From, t.From}
		}
	}
	switch {
	case tokens == 0:
		e.unable(subject, Lacking, "no results lie within the telemetry that was shown: ask between two challenges, and verify the second --with the first", eng.From, t.From)
	case !eng.Declared.Alone:
		e.unable(subject, Silent, "the node does not state that it answers alone at its public address (engines[].declared.alone): another host may have", inputs...)
	case !e.whole(eng):
	case !e.followed(t, subject, inputs):
	default:
		return served, t.Activity, inputs, true
	}
	return Stat{}, nil, nil, false
}

// followed says which stated GPU the telemetry does not show for the whole time: what it did meanwhile is not known.
func (e *eval) followed(t *Telemetry, subject string, inputs []Source) bool {
	for i := range e.in.GPUs {
		g := &e.in.GPUs[i]
		a := slices.IndexFunc(t.Activity, func(a stretch.Activity) bool { return a.GPU == g.Key })
		if a < 0 {
			e.unable(subject, Silent, "the telemetry does not show "+g.Name, inputs...)
			return false
		}
		if s := t.Activity[a].Seconds; s < wholeTime*t.SpanSeconds {
			e.unable(subject, Premise, fmt.Sprintf("%s can be followed for %.0f of %.0f s", g.Name, s, t.SpanSeconds), inputs...)
			return false
		}
	}
	return true
}

// wholeTime is the share of the time for which a GPU must be followed: records may be late, or missed on a busy host.
const wholeTime = .95

// checks turns what package stretch computed of each GPU into outcomes: what it calls a part, and under which limit that is held.
func (e *eval) checks(parts map[string]string) {
	t := e.in.Telemetry
	if t == nil {
		e.untold()
		return
	}
	for _, k := range t.Checks {
		part, ours := parts[k.What]
		if k.Rule != e.rule.ID || !ours {
			continue
		}
		subject := "GPU " + k.GPU
		if k.Value == nil {
			e.unable(subject, Premise, fmt.Sprintf("%s: %s", k.What, k.Reason), t.From)
			continue
		}
		e.hold(reading{subject: subject, limit: part, scope: e.gpuScope(k.GPU), value: *k.Value, basis: Self, inputs: []Source{t.From}, reason: fmt.Sprintf("%s: %s", k.What, k.Reason)})
	}
}

// untold says that there is no telemetry, and whose silence that is.
func (e *eval) untold() {
	why := "no telemetry of GPUs: " + orNot(e.in.TelemetryWhy)
	if e.in.Chained {
		e.unable("", Lacking, why)
		return
	}
	e.missing(Silent, why)
}
