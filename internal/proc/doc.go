// Package proc reads the few parts of Linux's proc file system that say which
// process serves an address and which files it runs: proc(5).
//
// Invariants: the root is a parameter, never taken from the environment; every
// file is read up to a named limit; parsers accept what the kernel prints and
// nothing else, for a process chooses parts of these texts itself (its name, its
// arguments, the names of the files it maps). Files are opened through the
// kernel's magic links, so the descriptor is the very inode the process holds;
// a path printed by the kernel is only a name.
//
// A process id is not an identity: callers compare Stat.StartTicks before and
// after a series of reads to notice reuse.
package proc
