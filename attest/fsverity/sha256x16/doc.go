// Package sha256x16 hashes many messages of 4096 bytes, sixteen at a time where
// the processor has AVX-512, with crypto/sha256 elsewhere. A Merkle tree of disk
// blocks is made of nothing else, and one core gets through it more than twice as
// fast as with the SHA instructions: those work on one message, and each of its
// rounds waits for the one before.
//
// All messages may begin with the same prefix, as the blocks of a salted
// fs-verity tree do; it is hashed once.
//
// Invariants: the result never depends on which way was taken; every way is held
// against crypto/sha256 by tests and by fuzzing. The assembly reads exactly the
// sixteen messages and writes exactly sixteen hashes. Running time depends on the
// number of messages alone.
package sha256x16
