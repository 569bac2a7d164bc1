package stretch

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// The search for repeated runs keeps a digest of each, over all GPUs at most so many.
// A run is 20 s, and samples that stand nearer than half the shortest interval of an
// agent are left out, so that a digest is over a few kilobytes at most.
const (
	maxRuns    = 1 << 18 // fifteen minutes of eight GPUs at ten sweeps a second have 70,000
	minSpacing = 50      // ms
)

// pulse is what the search reads of a sample.
type pulse struct {
	at              uint64
	energy          int64
	power, limit    int64
	powered, capped bool // power, limit are known
}

// pulses are the samples of a segment whose energy is known throughout.
func pulses(seg []sample) (out []pulse) {
	for i, p := range seg {
		if i > 0 && p.at-out[len(out)-1].at < minSpacing {
			continue
		}
		q := pulse{at: p.at}
		q.energy, _ = p.get(telemetry.Energy)
		q.power, q.powered = p.get(telemetry.AveragePower)
		q.limit, q.capped = p.get(telemetry.EnforcedLimit)
		out = append(out, q)
	}
	return out
}

// loaded reports whether their mean power is that of a card that works.
func loaded(run []pulse) bool {
	sum, n, most := 0.0, 0, int64(0)
	for i := range run {
		if p := &run[i]; p.powered {
			sum += float64(p.power)
			n++
		}
		if p := &run[i]; p.capped {
			most = max(most, p.limit)
		}
	}
	return n > 0 && most > 0 && sum/float64(n)/float64(most) >= busyShare
}

// repeats looks for runs of energy increments, of 20 samples and 20 s or more, that
// occur twice without overlap, or that are all one number, while the card is not idle.
// Of a GPU with more samples than most runs those are compared that begin with certain
// increments: the same ones, wherever they occur.
func repeats(list []sample, most int) Check {
	c := Check{Rule: "H2", What: Repeats, Reason: "no 20 s under load with an energy counter"}
	s := search{most: most, every: 1 + uint64(len(list)/most), seen: map[attest.Digest]int{}}
	for _, seg := range segments(list, fell) {
		if _, ok := seg[0].get(telemetry.Energy); ok {
			s.look(pulses(seg))
		}
	}
	if s.runs == 0 {
		return c
	}
	found := float64(s.found)
	c.Value, c.Reason = &found, fmt.Sprintf("%d runs under load", s.runs)
	if s.found > 0 {
		c.Reason += "; increments of the energy counter repeat exactly"
	}
	return c
}

// search is the work in progress of repeats.
type search struct {
	most        int                   // runs to compare
	every       uint64                // one in so many is, by its first increment
	seen        map[attest.Digest]int // where a run began, in pulses
	offset      int                   // of the segment
	found, runs int
}

func (s *search) look(seg []pulse) {
	deltas, alike := increments(seg)
	to := 0
	for from := range seg {
		for to = max(to, from); to < len(seg) && (to-from < repeatLeast || seg[to].at-seg[from].at < repeatMillis); to++ {
		}
		if to == len(seg) || s.runs == s.most {
			break
		}
		run, constant := deltas[8*from:8*to], alike[to-1] <= from
		if !constant && mix(binary.BigEndian.Uint64(run))%s.every != 0 || !loaded(seg[from:to+1]) {
			continue
		}
		s.runs++
		name := attest.Digest(sha256.Sum256(run))
		first, known := s.seen[name]
		if !known {
			s.seen[name] = s.offset + from
		}
		if constant || known && first+(to-from) <= s.offset+from {
			s.found++
		}
	}
	s.offset += len(seg)
}

// increments are those of the energy, eight bytes each, and for each the first of those before it that are the same without another between.
func increments(seg []pulse) (deltas []byte, alike []int) {
	last := int64(0)
	for i := range len(seg) - 1 {
		d := seg[i+1].energy - seg[i].energy
		deltas = binary.BigEndian.AppendUint64(deltas, uint64(d))
		if i == 0 || d != last {
			alike = append(alike, i)
		} else {
			alike = append(alike, alike[i-1])
		}
		last = d
	}
	return deltas, alike
}

// mix spreads increments, which are much alike, over all numbers (splitmix64's last step).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
