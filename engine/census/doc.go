// Package census reads the headers of a model's weight files and says how many
// parameters they hold and in what precision, so that a declared precision can
// contradict the files (rule M3).
//
// Parameters and bits are logical: a GPTQ model stores int32 and holds int4, its
// scales and zero points are storage and no parameters. What a header shows is
// decided by names, storage types and shapes together; a layout whose shapes do
// not add up, or that is not known here, is counted as unknown bytes and said in
// an absence, never guessed.
//
// Invariants: nothing but headers and small JSON files is read, through openers
// that were handed in; every count, length and depth meets a limit (limits.go)
// before anything is allocated for it; a Census has integers only. The agent uses
// Read, a verifier Parse and Against.
//
// A header is the word of whoever wrote the file. Zeros under a bf16 header,
// values that were quantised and widened again, and tensors that no engine loads
// all pass; only answers and measured performance can show those. Parameters is
// stated so that a file padded with unused tensors contradicts the model's known size.
package census
