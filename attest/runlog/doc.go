// Package runlog is the log of runtime events: which agent started on this host
// since it booted, which engines it saw. It is TCG Canonical Event Log records
// in the TLV encoding, each written to disk and then extended into one TPM
// register (13 by default), so that a quote fixes the order and the number of events. Their
// content is the word of the software that wrote them.
//
// # Encoding
//
// A TLV is one byte of type, a big-endian u32 of length and the value (TCG
// Canonical Event Log Format v1, "TLV encoding"). A record is four of them:
//
//	0    u64: record number, from 0 in every boot
//	1    u8: PCR index
//	3    digests: one TLV per bank, ascending; type = TPM_ALG_ID (4, 11, 12 or 13), value = hash of the whole content TLV
//	200  content: deterministic CBOR, below
//
// The content type is ours: TCG's own stand below 16, Confidential Space uses 80,
// and go-eventlog 108 and 222. What is extended is the digest, as in go-eventlog.
//
//	{"at": uint, "type": "start"/"engine"/"stop", "facts": {* tstr => tstr / bstr / uint},
//	 "boot_id": bstr .size 16, "previous": bstr .size 32, "sequence": uint}
//
// at is Unix ms; previous is the SHA-256 of the whole record before (zeros in the
// first), so the chain also covers what the digests do not: numbers, index, other banks. The
// first event of a boot is a start. Any number of starts may follow: agents are restarted.
//
// # Invariants of the writer
//
//   - A record is on disk (fsync) before it is extended; so the register never holds what the file lacks.
//   - Therefore the register is the replay of all records, or of all but the last, which is then extended. It is compared before and
//     after each event. Any other value means that somebody else extended it (or lost our file): ErrForeign, and this boot has no further events.
//   - A log begins only over a register that is zero in every bank. The log of the boot before is kept as one generation (".previous").
//   - Bytes behind the last whole record are cut off only where the register is that of the records before them.
//
// An attacker with root may extend the register at will, which shows, or never start the agent, which shows nothing: absence of events proves nothing.
package runlog
