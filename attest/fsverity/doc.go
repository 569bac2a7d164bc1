// Package fsverity computes the identity of a file: its fs-verity digest, as
// defined by the Linux kernel (Documentation/filesystems/fsverity.rst, sections
// "Merkle tree" and "fs-verity descriptor"), with SHA-256 and 4096-byte blocks.
//
// The same value comes from the kernel in constant time where fs-verity is
// enabled (FS_IOC_MEASURE_VERITY), from the `fsverity digest` tool, and from
// here for any file on any file system. It is not the SHA-256 of the file.
//
// A pass can also leave one hash for each 512 KiB, from which any block can be
// proved later (Tree, VerifyBlock), and behind which a pass that was interrupted
// goes on (Options.Done). Package disk reads files for it, package sums stores
// what it leaves, package sha256x16 hashes.
//
// Invariants: a pure function over io.ReaderAt, so this package opens nothing.
// Memory is one chunk per worker and sixteen tree blocks per level, whatever the
// size of the file. A source that is shorter or longer than the size given is an
// error, never a digest of something else. A proof is believed by its last hash
// alone.
//
// A digest says which bytes the caller read. It does not say that anybody else,
// an inference engine for instance, read the same ones.
package fsverity
