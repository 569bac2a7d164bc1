// Package recorder keeps a node's chain of telemetry: it asks for a sweep on every
// tick, steps the chain, packs a minute of records into a chunk, and hands chunks to
// the disk and to whoever asks.
//
// Invariants:
//   - The chain steps on every tick, whatever drivers, disk and clocks do: what could
//     not be had is in the record, with its reason.
//   - Nothing here waits for the disk but the goroutine that writes to it.
//   - A head is handed out only of a chain whose genesis document was on disk before,
//     or which says that it is volatile.
package recorder
