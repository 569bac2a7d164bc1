// Package telemetry is the evidence kind "telemetry": what the GPUs did, second by
// second, as records in a hash chain; the compressed chunks that carry records; and
// the claims by which a quote fixes the chain's head.
//
//	genesis document ── h_0 = its digest
//	record_i         ── h_i = SHA-256("hallmark/telemetry/1" || h_{i-1} || u64 i || SHA-256(record_i)), i from 1
//
// Invariants:
//   - A record is whole: it needs no other record to be read.
//   - Values are integers; the unit stands in the field's name (Fields).
//   - A chunk rebuilds every record byte for byte. What it says of its hashes is
//     compared with what they are (Chunk.Verify), never believed.
//   - Nothing here opens a device, a file or a clock: package store has the disk.
//
// A chain is fixed since the last quote that a validator holds; invention at the
// source remains possible. docs/decisions/0008 says what was refused.
package telemetry
