package verify

// CrossChecked is an appraisal held against itself and against statistical results.
type CrossChecked struct {
	*Appraised
	rules []RuleOutcome
}

// CrossCheck holds the appraised claims against each other and against
// statistical results. This version has no rule that reads the latter, and says
// so in every result.
func (v *Verifier) CrossCheck(ap *Appraised) *CrossChecked {
	c := &CrossChecked{Appraised: ap}
	c.rules = append(c.precision(v.refs), c.telemetryRules()...)
	c.findings.unknown("crosscheck.not_evaluable", "statistics", Validator, "statistical results", "none")
	return c
}
