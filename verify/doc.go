// Package verify is the Verifier (RFC 9334): it opens a record, authenticates
// the evidence in it, appraises its claims, holds them against each other and
// against statistics, and decides a tier, with reasons.
//
// Each stage is a type of its own (Opened, Authenticated, Appraised,
// CrossChecked), so code that skips a stage does not compile. An error means
// "could not judge", a Finding means "judged"; neither turns into the other.
//
// It imports no device and no agent. Time is a parameter. Everything believed
// is handed in: keys, roots, reference values, policy; a Go option that weakens
// a guarantee ends in Unsafe.
package verify
