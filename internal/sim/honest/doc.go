// Package honest draws honest nodes from a seed, as what package verify would hand to the rules: hardware of the
// catalogue and beside it, models, what operators state and leave out, statistics of three epochs, telemetry, history,
// and the disturbances that honest nodes have (disturb*.go, each a function with a stated probability).
//
// Invariants: the same seed draws the same node. The model of noise knows no limit and no rule: of verify/rules it uses
// the types of the Input alone, of verify/stretch what computes, never what judges (internal/house holds it to that).
// A rule that flags these nodes too often is mended there; nothing here is chosen so that it passes. What is counted on
// such nodes is the simulator's rate. It says nothing of real GPUs, and must not be stated as if it did.
package honest
