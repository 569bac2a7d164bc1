// Package store keeps chains of telemetry on disk: a folder for each chain, named
// by ordinal and genesis, with the genesis document, a file for each chunk named by
// its first record, and a file for each anchor named by its record.
//
//	DIR/lock
//	DIR/00000003-9f1c0a6be2d45871/genesis
//	DIR/00000003-9f1c0a6be2d45871/000000000061.chunk
//	DIR/00000003-9f1c0a6be2d45871/000000000600.anchor
//
// Invariants:
//   - A file is written beside its name, synced, renamed, and its folder synced. So a
//     name stands for a whole file, as far as the file system tells the truth.
//   - The newest chunk is rebuilt and hashed before anything follows it. One that does
//     not verify is set aside under another name, never trusted and never deleted at once.
//   - Nothing in the folder makes the agent fail: what cannot be read is told to the caller.
package store
