package verify

// CrossChecked is an appraisal held against statistical results.
type CrossChecked struct {
	*Appraised
}

// CrossCheck holds the appraised claims against statistical results. This
// version has no rule that reads them, and says so in every result.
func (v *Verifier) CrossCheck(ap *Appraised) *CrossChecked {
	ap.findings.unknown("crosscheck.not_evaluable", "statistics", Validator, "statistical results", "none")
	return &CrossChecked{ap}
}
