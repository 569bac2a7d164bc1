package stats

// Limits on a stat-result/v1. Sizes are bytes, counts are elements; docs/statistics.md repeats them.
const (
	MaxResultSize   = 256 << 10 // one record as received
	MaxDepth        = 8         // nested arrays and objects
	MaxText         = 1024      // any text; names of stats and parameters have 64 at most
	MaxStats        = 64
	MaxParams       = 64
	MaxChallengeIDs = 1024
	MaxCount        = 1 << 40   // questions, repeats, tokens, samples, dimensions
	MaxSeed         = 1<<53 - 1 // the largest integer that every JSON reader keeps
)
