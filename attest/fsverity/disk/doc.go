// Package disk reads large files for hashing as fast as the disk allows and
// without pushing other programs' pages out of memory.
//
// A read is served from the page cache if all of it lies there, and straight from
// the disk (O_DIRECT), past the cache, if not.
// Where a file system refuses direct reads, the pages that a read brought in are
// dropped again. So the bytes are those that any other reader of the file would
// have got at that moment: an inference engine that maps it, for instance. After
// a write to the block device below the file system, cached pages and disk
// differ; Counts says how much was read from which.
//
// Invariants: nothing is mapped, so a file that shrinks is a short read and never
// a signal. The descriptor handed in keeps its flags and its offset. A read is
// never shorter than asked for, except at the end of the file or with an error.
package disk
