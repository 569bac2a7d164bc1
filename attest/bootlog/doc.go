// Package bootlog reads the firmware's boot log: the TCG2 event log of a TPM 2.0
// (TCG PC Client Platform Firmware Profile, "PFP" below). It stands on the
// validator's side; an agent sends the log as bytes and never links this.
//
// A log is a list that whoever holds root could have written. What makes parts of
// it worth something is the quote: for each register, the order and the digests of
// its events are as measured if they replay to the quoted value. Everything else
// in a log is the node's word. Hence the rules:
//
//   - A fact is read only from registers that replay. Any other is an error, for that fact alone.
//   - Event data is believed only where a rule derives the event's digest from it.
//   - Event types are covered by no digest, nor are labels ("grub_cmd: ", file
//     names, device paths), nor the order between registers. No fact depends on one
//     in a way that hides anything: where a type or a label could be rewritten, the
//     fact is a list of all that it could be, and a policy has to know every member.
//   - Secure Boot is known if this package, go-eventlog and go-attestation judge alike.
//
// Judge never panics, allocates in proportion to a log of at most
// attest.MaxLogSize, and passes nothing to the libraries that it has not parsed itself.
package bootlog
