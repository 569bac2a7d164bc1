package stretch

import (
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// Gap is time over which no record was made: by the records' own times since boot,
// not by what they say was missed, which only explains. Between two boots nobody
// knows how long it was but from the wall clock of the node.
type Gap struct {
	After       uint64 `json:"after_index"`  // record before it
	Before      uint64 `json:"before_index"` // record behind it
	AtMS        uint64 `json:"at_ms"`        // of the record before it, by the node's clock
	Millis      uint64 `json:"ms"`
	OtherChain  bool   `json:"other_chain,omitempty"` // the collector was started anew
	OtherBoot   bool   `json:"other_boot,omitempty"`  // so was the host
	Explanation []Fact `json:"facts"`                 // of the record behind it
}

// Fact is a fact of a record.
type Fact struct {
	Index uint64 `json:"index"`
	AtMS  uint64 `json:"at_ms"`
	Name  string `json:"name"`
	Value int64  `json:"value"`
	Text  string `json:"text,omitempty"`
}

// step is from one record to the next.
type step struct {
	millis uint64 // passed; 0 where it did not rise, or between boots where the node's clock went back
	chain  bool   // another chain
	boot   bool   // another boot, or one of which nobody knows
	rises  bool   // the time since boot rose, or began anew with a boot
}

func between(a, b *Entry) step {
	s := step{chain: a.Head.Genesis != b.Head.Genesis}
	s.boot = s.chain && (a.Begin == nil || b.Begin == nil || a.Begin.BootID != b.Begin.BootID)
	from, to := a.Record.Uptime, b.Record.Uptime
	if s.boot {
		from, to = a.Record.At, b.Record.At
	}
	if to > from {
		s.millis = to - from
	}
	s.rises = s.boot || to > from
	return s
}

// MaxPause is the longest step that is no gap, ms.
const MaxPause = 10_000

// Pause is the longest step between two records that is no gap where sweeps are
// interval apart, ms: one may be late, and nobody is to state so long an interval
// that hours without a record are none.
func Pause(interval uint64) uint64 { return min(2*interval, MaxPause) }

// interval is the time between sweeps as the chain states it.
func (s *Stretch) interval(e *Entry) uint64 {
	if e.Begin != nil {
		return e.Begin.Interval
	}
	return s.Begin.Interval
}

// Gaps are the gaps of a stretch. Of many only the first are listed.
type Gaps struct {
	List   []Gap
	All    int    // how many there are
	Millis uint64 // of all
	Boots  int    // how many are over a start of the host
	Worst  Gap    // the longest
}

// maxListed bounds lists of gaps and of facts: a node can have one of either for each record.
const maxListed = 4096

// Gaps finds steps of more than a Pause, and each start of another boot.
func (s *Stretch) Gaps() *Gaps {
	out := &Gaps{List: []Gap{}}
	for i := 1; i < len(s.Entries); i++ {
		a, b := &s.Entries[i-1], &s.Entries[i]
		st := between(a, b)
		if !st.boot && st.millis <= Pause(s.interval(b)) {
			continue
		}
		out.All++
		out.Millis += st.millis
		if st.boot {
			out.Boots++
		}
		worst := out.All == 1 || st.millis > out.Worst.Millis
		if !worst && len(out.List) == maxListed {
			continue
		}
		g := Gap{a.Head.Index, b.Head.Index, a.Record.At, st.millis, st.chain, st.boot, b.facts()}
		if worst {
			out.Worst = g
		}
		if len(out.List) < maxListed {
			out.List = append(out.List, g)
		}
	}
	return out
}

// Backwards is the first record whose time since boot is not above that of the record before it, nil where all rise.
func (s *Stretch) Backwards() *Entry {
	for i := 1; i < len(s.Entries); i++ {
		if !between(&s.Entries[i-1], &s.Entries[i]).rises {
			return &s.Entries[i]
		}
	}
	return nil
}

// Facts lists what happened between the records, of many only the first, and says how many there are.
func (s *Stretch) Facts() (list []Fact, all int) {
	list = []Fact{}
	for i := range s.Entries {
		e := &s.Entries[i]
		if all += len(e.Record.Facts); len(list) < maxListed {
			list = append(list, e.facts()...)
		}
	}
	return list[:min(len(list), maxListed)], all
}

func (e *Entry) facts() []Fact {
	out := []Fact{}
	for _, f := range e.Record.Facts {
		out = append(out, Fact{e.Head.Index, e.Record.At, f.Name, f.Value, f.Text})
	}
	return out
}

// breaks reports whether counters or power cannot be followed over the step to e.
func breaks(e *Entry) bool {
	for _, f := range e.Record.Facts {
		switch f.Name {
		case telemetry.FactSuspended, telemetry.FactProbe, telemetry.FactDriver, telemetry.FactMissed:
			return true
		}
	}
	return false
}

// Covered is the time between the records, without the gaps, ms.
func (s *Stretch) Covered() (sum uint64) {
	for i := 1; i < len(s.Entries); i++ {
		a, b := &s.Entries[i-1], &s.Entries[i]
		if st := between(a, b); !st.boot && st.millis <= Pause(s.interval(b)) {
			sum += st.millis
		}
	}
	return sum
}
