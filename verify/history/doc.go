// Package history keeps, in a directory, what a validator must remember of its
// nodes to judge what spans time: signed verdicts, and the beginnings of logs that replayed.
//
//	DIR/<ueid>/<sent, ms>-<record>.verdict   attest.TypeVerdict by the validator's key
//	DIR/<ueid>/<log>.log                     boot, ima, cel: as far as a quote has covered them
//
// A verdict that is not by the validator's key is an error: somebody else wrote
// into the directory. Logs are unsigned, for they replay to a quoted register or
// are worth nothing. Files are written beside and renamed, so a crash loses at
// most the last one; two validators may share a directory only if they share a key.
package history
