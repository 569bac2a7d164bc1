package stretch

// Coverage says how much of a time since boot is covered by records.
type Coverage struct {
	CoveredMS uint64
	TotalMS   uint64
	LargestMS uint64 // the largest hole
}

// Percent covered; an empty interval is covered.
func (c Coverage) Percent() float64 {
	if c.TotalMS == 0 {
		return 100
	}
	return 100 * float64(c.CoveredMS) / float64(c.TotalMS)
}

// Cover measures how records cover from..to, ms since the boot with that id. A step of up to two intervals leaves no hole.
func (s *Stretch) Cover(boot [16]byte, from, to uint64) Coverage {
	c := Coverage{TotalMS: to - min(from, to)}
	last := from
	hole := func(until, interval uint64) {
		switch until = min(until, to); {
		case until <= last:
			return
		case until-last <= 2*interval:
			c.CoveredMS += until - last
		default:
			c.LargestMS = max(c.LargestMS, until-last)
		}
		last = until
	}
	for i := range s.Entries {
		e := &s.Entries[i]
		if e.Begin == nil || e.Begin.BootID != boot {
			continue
		}
		hole(e.Record.Uptime, e.Begin.Interval)
	}
	hole(to, s.Begin.Interval)
	return c
}
