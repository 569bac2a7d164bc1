// Package compute turns answers, their embeddings and their timings into
// stat-result/v1 records. Formulas are those of docs/statistics.md.
//
// Invariants: the same input and seed give the same records on every machine,
// in whatever order nodes and answers come; nothing here reads a file, a clock
// or a random source. A number that the data do not allow is an error that says
// why (Unable), never NaN, and becomes `not_evaluable` in the record.
package compute
