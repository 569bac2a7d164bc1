package telemetry

// AtMost cuts facts to most of them and says how many are missing, in a fact of
// its own at the end. What earlier cuts left out is counted in.
func AtMost(facts []Fact, most int) []Fact {
	var kept []Fact
	var omitted int64
	for _, f := range facts {
		if f.Name == FactOmitted && f.Text == "" {
			omitted += f.Value
		} else {
			kept = append(kept, f)
		}
	}
	if over := len(kept) - most; over > 0 || omitted > 0 && over == 0 {
		omitted += int64(over + 1)
		kept = kept[:most-1]
	}
	if omitted > 0 {
		kept = append(kept, Fact{Name: FactOmitted, Value: omitted})
	}
	return kept
}
