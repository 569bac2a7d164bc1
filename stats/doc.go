// Package stats holds statistical results from outside measurement (answers,
// timings, embeddings) as data, and their strict parsing. They are never called
// attestation: package verify holds evidence against them.
//
// This version has no results to read: no rule asks for any, and every verdict
// says so (crosscheck.not_evaluable). The package marks their place on the ground
// floor: it will import nothing above it, and no agent will import it.
package stats
