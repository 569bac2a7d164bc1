// Package tpm is the TPM room: it asks a TPM 2.0 for quotes and for the parameters of an enrolment, and it
// checks what such a TPM signed.
//
// The asking side is Device, the only place that talks to the chip. The checking side (ParseAK, ParseQuoted and
// the predicates of Quoted, CheckQuote) touches no device and no clock and works on bytes a stranger sent.
//
// Invariants:
//   - One command at a time. Device serialises all access; nobody else may use the transport handed to it.
//   - A caller whose context ends gets an error. A TPM that never answers costs one goroutine, not the agent.
//   - No handle outlives its use: whatever is created is flushed on every path, the attestation key on Close.
//     Nothing is made persistent, nothing is written to NV, no hierarchy password is guessed.
//   - What is quoted is hashed and sent as the TPM returned it; parsed values stand beside the raw bytes.
//   - Parsing accepts exactly one encoding: what does not marshal back to the same bytes is refused.
//
// A valid quote says that a key with these attributes signed these register values over this challenge. That the
// key lives in a genuine TPM is known only after enrolment (package enroll); whose TPM it is, and that it is
// soldered to the machine that answered, is not known at all.
package tpm
