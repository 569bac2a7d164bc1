package agent

import "time"

// clockSkewMillis is how far a validator's clock may be ahead of ours.
const clockSkewMillis = 30_000

// millis is t in milliseconds since the Unix epoch; times before it are zero.
func millis(t time.Time) uint64 { return uint64(max(0, t.UnixMilli())) }
