// Package merkle makes and checks the tree over a batch's leaves: RFC 9162
// section 2.1, SHA-256, each leaf one entry (hashed again with 0x00).
//
// Checking is the library's; making is ours, in ten lines, so that the two are
// held against each other by tests.
package merkle
