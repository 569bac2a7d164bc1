package ima

import "bytes"

// List is a part of a measurement list, with the register after each entry.
type List struct {
	From    Replay // before the part
	Entries []Entry
	Pending int // bytes of the part behind the last whole entry

	registers []byte // after entry i, one after another
}

// At is the state after the first n entries of the part; n of 0 is From.
func (l *List) At(n int) Replay {
	r := l.From
	for i := range l.Entries[:n] {
		r.add(&l.Entries[i])
	}
	r.Register = bytes.Clone(l.register(n))
	if n > 0 {
		r.Bytes += uint64(l.Entries[n-1].End)
	}
	return r
}

func (l *List) register(n int) []byte {
	if n == 0 {
		return l.From.Register
	}
	size := l.From.Bank.size()
	return l.registers[(n-1)*size : n*size : n*size]
}

// LongestPrefix finds the longest prefix of the part after which match holds for
// the register, and returns how many entries and bytes it has. A list grows while a quote
// is made, so what was quoted is a prefix. Match may compare with a known value, or try the
// value within a quoted digest over several registers; it gets no copy
// and is called once for each distinct value from the end, until it holds.
//
// Register values do not repeat (each hashes the one before), so where the
// quote's digest matches there is one place, and behind it only entries of other PCRs.
func (l *List) LongestPrefix(match func(register []byte) bool) (entries, size int, ok bool) {
	for n := len(l.Entries); n >= 0; n-- {
		if n < len(l.Entries) && l.Entries[n].PCR != PCR {
			continue // the same value as before
		}
		if match(l.register(n)) {
			if n > 0 {
				size = l.Entries[n-1].End
			}
			return n, size, true
		}
	}
	return 0, 0, false
}
