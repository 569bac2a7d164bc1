// Package tpmfault puts a transport before a TPM that fails on purpose: it answers with the warnings that chips give when they
// are busy, hangs, cuts answers short, resets the chip between two commands, and lets the device vanish and come back.
//
// Invariants: a command that a script does not name reaches the TPM unchanged, and so does its answer. Whether a failed command
// was carried out is the script's to say: Cut and Lose lose the answer of one that was, Answer and Gone never send it. Nothing
// here is reachable from the agent or from the validator's command.
package tpmfault
