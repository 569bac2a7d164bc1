// Package attest is the ground floor: the nouns of docs/format.md as Go types,
// their one encoding, the formulas that bind them, and every size limit.
//
// Invariants: nothing here reads a file, a clock, the network or the
// environment, and nothing starts a goroutine. Decoding accepts exactly one
// encoding of each value (RFC 8949 section 4.2.1), so bytes that decode are
// bytes that may be hashed as they came.
//
// Nothing here checks a signature: a decoded value says what was received, not
// that it is true. Package verify turns received bytes into judged ones.
package attest
