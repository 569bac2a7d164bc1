package stretch

// Coverage says how much of a time since boot is covered by records.
type Coverage struct {
	CoveredMS uint64
	TotalMS   uint64
	LargestMS uint64 // the largest hole, in its whole length where it reaches beyond the time
}

// Percent covered; an empty interval is covered.
func (c Coverage) Percent() float64 {
	if c.TotalMS == 0 {
		return 100
	}
	return 100 * float64(c.CoveredMS) / float64(c.TotalMS)
}

// Cover measures how records cover from..to, ms since the boot with that id. A step that
// is no gap covers its time. A gap covers nothing, however little of it lies within: the
// end of a long one is not a short one.
func (s *Stretch) Cover(boot [16]byte, from, to uint64) Coverage {
	c := Coverage{TotalMS: to - min(from, to)}
	last := from
	step := func(until, interval uint64) {
		if a, b := max(last, from), min(until, to); a < b {
			if until-last <= Pause(interval) {
				c.CoveredMS += b - a
			} else {
				c.LargestMS = max(c.LargestMS, until-last)
			}
		}
		last = until
	}
	for i := range s.Entries {
		e := &s.Entries[i]
		switch {
		case e.Begin == nil || e.Begin.BootID != boot:
		case e.Record.Uptime <= from:
			last = e.Record.Uptime
		default:
			step(e.Record.Uptime, e.Begin.Interval)
		}
	}
	if last < to {
		step(to, s.Begin.Interval)
	}
	return c
}
