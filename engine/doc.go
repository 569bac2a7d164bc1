// Package engine says which inference engine serves an address, from which
// executable, libraries and weights: claims of kind "engine".
//
// The chain goes from the configured endpoint to the listening socket in its
// network namespace, to the process that holds it, to the inodes that process
// runs and holds open. Every step reads the kernel's view (package proc) through
// descriptors of the very inode in use; a step that cannot be read is an absence.
//
// A file's identity is its fs-verity digest, a model's identity is the digest of
// its Manifest. Digests keeps them, so that a challenge costs a stat per file.
//
// Invariants: no argument or environment variable leaves the host unless its
// name is on a list here and its value does not look like a secret; nothing is
// downloaded, resolved or asked over the network; goroutines run only in
// Digests.Run. A verifier uses Parse, ParseManifest and Measure only.
//
// Root can fake all of it. Arguments and process names are written by the
// process itself. Weights that were copied to a device leave no trace in open
// files: their absence says nothing, their presence says the bytes were at hand.
package engine
