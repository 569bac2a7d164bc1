// Package rules holds the cross-checks of the catalogue (docs/rules.md): what a node's evidence says against what
// statistics, telemetry, history and data sheets say. A rule is a value in a file of its own: a pure function from
// Input to outcomes. Nothing here reads claims, quotes or files; package verify fills the Input.
//
// Invariants: a missing input is never a pass; a limit without measured source weighs nothing; what is not known says
// why. Every outcome is pass, violated, not evaluable (with the reason) or missing, and each rule has at least one.
// What follows for the node is decided in weigh.go and nowhere else (docs/decisions/0010).
package rules
