package rules

import "slices"

// Assurance says where a statement comes from. The verifier computes it, never the node.
type Assurance string

const (
	Hardware  Assurance = "hardware"  // signed by a root the owner's software does not hold
	Measured  Assurance = "measured"  // reported by software for which the closed-world conditions hold
	Asserted  Assurance = "asserted"  // the owner's word
	Validator Assurance = "validator" // the validator's own observation, or what it believes before looking
)

// Source is one input of an outcome.
type Source struct {
	Name   string    `json:"name"`             // "claim engine", "stat-result embedding-score of e7", "catalogue H100 SXM5 80GB"
	Digest string    `json:"digest,omitempty"` // of the document that it was read from, "sha256:…"
	By     Assurance `json:"assurance"`
}

// weakest is what all of these together are worth: the least of what the node's side says. Inputs of the validator alone are the validator's.
func weakest(in []Source) Assurance {
	for _, a := range []Assurance{Asserted, Measured, Hardware} {
		if slices.ContainsFunc(in, func(s Source) bool { return s.By == a }) {
			return a
		}
	}
	return Validator
}
