package stretch

import (
	"maps"
	"slices"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// Check is what one rule computed of one GPU: data, which judges nobody. Package rules holds it against a limit.
type Check struct {
	Rule   string // id in the catalogue of rules
	What   string // of the rule
	GPU    string
	Value  *float64 // nil: not evaluable, for the reason
	Reason string
}

// sample is what one record has of one GPU. Power is in mW, energy in mJ, times in ms.
type sample struct {
	at     uint64 // since boot
	values telemetry.Values
	cut    bool // counters cannot be followed from the sample before: a gap, a fact, another chain
}

func (p sample) get(f telemetry.Field) (int64, bool) { return p.values.Get(f) }

// samples are those of one GPU, in order of time.
func (s *Stretch) samples(gpu string) (out []sample) {
	cut := false
	for i := range s.Entries {
		e := &s.Entries[i]
		if i > 0 {
			st := between(&s.Entries[i-1], e)
			cut = cut || st.chain || !st.rises || st.millis > Pause(s.interval(e)) || breaks(e)
		}
		d := e.Record.Device(gpu)
		if d == nil {
			cut = true
			continue
		}
		out = append(out, sample{e.Record.Uptime, d.Values, cut || i == 0})
		cut = false
	}
	return out
}

// GPUs lists the keys of all GPUs that the records name.
func (s *Stretch) GPUs() []string {
	seen := map[string]bool{}
	for i := range s.Entries {
		for j := range s.Entries[i].Record.Devices {
			seen[s.Entries[i].Record.Devices[j].Key] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// segments splits samples where counters cannot be followed, and where whether says so.
func segments(list []sample, whether func(a, b sample) bool) (out [][]sample) {
	from := 0
	for i := 1; i <= len(list); i++ {
		if i == len(list) || list[i].cut || whether != nil && whether(list[i-1], list[i]) {
			out, from = append(out, list[from:i]), i
		}
	}
	return out
}

// length is how long a segment lasts, ms.
func length(seg []sample) uint64 { return seg[len(seg)-1].at - seg[0].at }

// highest is the greatest value of f in a segment.
func highest(seg []sample, f telemetry.Field) (most int64, ok bool) {
	for _, p := range seg {
		if v, there := p.get(f); there && (!ok || v > most) {
			most, ok = v, true
		}
	}
	return most, ok
}

// mean is the mean of f over the samples that have it.
func mean(seg []sample, f telemetry.Field) (float64, bool) {
	sum, n := 0.0, 0
	for _, p := range seg {
		if v, ok := p.get(f); ok {
			sum += float64(v)
			n++
		}
	}
	return sum / float64(max(n, 1)), n > 0
}

// Measure runs every rule on every GPU, and sums what each GPU did.
func (s *Stretch) Measure() (out []Check, did []Activity) {
	gpus := s.GPUs()
	repeating := func(list []sample) Check { return repeats(list, maxRuns/len(gpus)) }
	for _, gpu := range gpus {
		list := s.samples(gpu)
		a := activity(list)
		a.GPU = gpu
		did = append(did, a)
		for _, rule := range []func([]sample) Check{energyAgainstLimit, energyAgainstPower, energyRises, throttled, repeating, coolAtPower} {
			c := rule(list)
			c.GPU = gpu
			out = append(out, c)
		}
	}
	return out, did
}
