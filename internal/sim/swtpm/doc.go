// Package swtpm runs software TPMs (the swtpm program) for tests and the demo, with endorsement certificates by an
// authority of its own.
//
// Invariants: nothing here is reachable from the agent or from the validator's command. Its certificates chain to an
// Authority made on this machine, whose key lies beside it in the clear, and say "swtpm" in the TPM's model, so a validator
// classes them as virtual. A software TPM proves nothing about hardware.
//
// swtpm serves one client at a time: a second connection waits until the first is closed.
package swtpm
