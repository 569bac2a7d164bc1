// Package enroller plays the privacy CA: over package client it asks a node for
// its keys, judges them by package attest/tpm/enroll, and makes the node record.
// A node that is judged and refused is a Refusal with a finding; everything else
// that goes wrong is an error that says nothing about the node.
//
// A host without TPM is pinned by its persisted key on first use, after it
// answered a challenge with that key; the caller must have accepted the fingerprint.
package enroller
