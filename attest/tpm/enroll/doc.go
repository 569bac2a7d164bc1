// Package enroll is the validator's half of enrolment: it judges an AK's birth, finds an EK certificate that chains to
// roots the operator chose, and makes the credential that only the TPM with both keys can open.
//
// Invariants:
//   - The EK's public area is rebuilt from its certificate and the TCG template, never taken from the node: a node
//     that could choose it would have the secret encrypted to a key of its own.
//   - A certificate of the node never becomes a root; what it sends beside its own are intermediates at most.
//   - Time is a parameter; an expired chain and an unknown issuer are told apart.
//   - Whatever the node sent ends in an error that a caller can tell apart, never in a panic.
//
// The agent must not import this package: it links go-attestation. (go-tpm/legacy/tpm2 alone is no sign of it: go-tpm's own
// tpm2 package uses its key derivation functions.)
//
// A success means: this AK lives in the same TPM as the private half of that EK. That the TPM is soldered to the
// machine one talks to, it does not mean.
package enroll
