// Package stats holds statistical results from outside measurement (answers,
// timings, embeddings) as data: the document stat-result/v1, its strict reader
// and its one form. They are never called attestation: package verify will hold evidence against them.
//
// Invariants: nothing here reads a file, a clock, the network or the
// environment. A number is finite or absent with a reason; a record that leaves
// out what its numbers rest on (repeats, dimensions, embedder, convention of
// sigma) is refused. Package stats/compute makes such records from answers.
//
// No rule reads results yet, and every verdict says so
// (crosscheck.not_evaluable). No agent imports this package.
package stats
