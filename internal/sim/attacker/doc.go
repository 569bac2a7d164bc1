// Package attacker holds dishonest nodes and middlemen, one file for each attack. An attack does what a real attacker
// with these means would do, against a validator that uses the packages of `hallmark` itself; it never edits a verdict.
// What it ends with is the finding of that validator, and each attack states beforehand which one that must be.
//
// A dishonest node is the real front end of package agent over a collector of its own (collector.go), because root on a
// host can run any agent. It begins with what the honest agent says and changes one thing.
//
// Invariants: an attack leaves the scene as it found it; all keys but those of the software TPMs are made anew.
// Only the demo and tests import this package.
package attacker
