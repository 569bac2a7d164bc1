// Package sums stores what a pass over a large file leaves: one hash for each
// 512 KiB (fsverity.Options.Sums). From it an interrupted pass goes on, and any
// block can be proved later (fsverity.NewTree).
//
// A file of sums is for one file in one state: its name is the caller's choice,
// its first bytes hold an identity that the caller made of everything that would
// differ had the file changed. Sums of another identity are discarded.
//
// Invariants: sums are appended in records of 64 MiB's worth, each with a check
// value over identity, place and contents, so what a crash left half written or
// zeroed is not taken for sums; the pass repeats what the last whole record does
// not cover. That stops accidents. Whoever can write the folder can write sums
// with matching check values, as he could replace the agent itself.
package sums
