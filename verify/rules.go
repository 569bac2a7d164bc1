package verify

// Rule is one cross-check: what it holds against what, and how far its limit is to be trusted.
type Rule struct {
	ID         string   `json:"id"`
	Reads      []string `json:"reads"`
	Limit      string   `json:"limit"`
	Unit       string   `json:"unit"`
	Kind       string   `json:"kind"`       // "bound": a violation contradicts, given honest measurement; "heuristic"; "hint"
	Calibrated bool     `json:"calibrated"` // the limit has a source; else the rule is shown and weighs nothing
	Findings   []string `json:"findings"`
	Sentence   string   `json:"sentence"`
}

const kindBound = "bound"

// Outcomes of a rule.
const (
	rulePass         = "pass"
	ruleViolated     = "violated"
	ruleNotEvaluable = "not evaluable" // stated, and neither for nor against
	ruleMissing      = "missing"       // what it reads was not stated at all
)

// Rules lists the cross-check rules of this version. Ids are those of the
// catalogue of rules: added, never renamed.
func Rules() []Rule {
	return append([]Rule{{
		ID: "M3", Reads: []string{"engines[].declared.precision", "engines[].models[].census"}, Limit: limitM3, Unit: unitM3, Kind: kindBound, Calibrated: true,
		Findings: []string{"engine.precision.match", "engine.precision.higher", "engine.precision.lower", "engine.precision.not_evaluable"},
		Sentence: "Of the parameters counted in the weight files' headers, at most 50 of 1000 may have fewer bits than the declared precision, or as many as the declared GGUF recipe itself puts below its name.",
	}}, telemetryRules...)
}
