// Package gpu is the evidence kind "gpu": what a host says of its NVIDIA GPUs,
// their links and the processes on them, as data; how to read it from a small
// Library interface; and the frames spoken with the helper that opens NVML.
//
// Invariants:
//   - Every value that could not be had is a nil field and an Absence that names
//     its path. Claims.Check refuses a silent gap, on both sides.
//   - Integers, text and booleans only; the unit stands in the key.
//   - One failing device never silences another.
//   - Nothing here opens a device, a library or a process, and nothing needs cgo.
//
// Nothing in these claims is proved by itself: whoever holds root can replace
// NVML with one file. Outside a signed GPU report they are the owner's word, to be
// cross-checked by package verify against PCI facts, the catalogue and telemetry.
// Package verify judges; no threshold and no table of models may live here.
//
// # Paths of absences
//
// A path is the keys that lead to the value, joined by dots; an element of a list
// is named in brackets: a GPU by its PCI address (by "#" and its NVML index where
// the address could not be had), a link by its number, a process by kind and pid,
// a pair by the positions of its GPUs. "gpu[00000000:1b:00.0].serial" is one
// value, "gpu[00000000:1b:00.0]" everything that this GPU does not give, and
// "gpu[*].serial" the serial of every GPU that gives none.
package gpu
