package ima

import "fmt"

// Replay is a list read so far: where it ends and what the register is there. It
// is a plain value: a verifier may keep one whose register stood in a quote and continue
// from it later (Continue), instead of reading the whole list again.
type Replay struct {
	Bank       Bank
	Register   []byte // register 10; never written to
	Bytes      uint64 // of the list, consumed: the offset to ask for next
	Entries    uint64
	Violations uint64
	Hidden     uint64
	Opaque     uint64 // visible, and not understood
	Elsewhere  uint64 // of other PCRs than 10: nothing shows them
}

// NewReplay is the state before the first entry: the register is zero after a reset.
func NewReplay(b Bank) Replay { return Replay{Bank: b, Register: make([]byte, b.size())} }

// Continue reads the entries of a part of the list that begins at offset
// r.Bytes, an entry boundary, and replays them. Where the part ends within an
// entry, its bytes are left over (List.Pending) and belong to the next part.
//
// With an error the list holds the entries before the bad one: they may still be
// a prefix that matches.
func (r Replay) Continue(part []byte) (*List, error) {
	n := r.Bank.size()
	if n == 0 || len(r.Register) != n {
		return &List{From: r}, fmt.Errorf("ima: bank %#04x, register of %d bytes: %w", r.Bank.Alg, len(r.Register), ErrBank)
	}
	records, size := count(part)
	l := &List{From: r, Pending: len(part), Entries: make([]Entry, 0, records), registers: make([]byte, 0, records*n)}
	text := string(part[:size]) // entries keep it alive: no more of the part than they are in
	register := append([]byte(nil), r.Register...)
	var in hashInput
	for pos := 0; pos < len(part); {
		rec, err := next(part[pos:])
		if err == errCut {
			return l, nil
		}
		if err == nil && len(l.Entries) == MaxEntries {
			err = fmt.Errorf("more than %d entries: %w", MaxEntries, ErrLimit)
		}
		if err == nil {
			err = rec.check(&in)
		}
		if err == nil && rec.pcr == PCR {
			err = r.Bank.extend(register, rec, &in)
		}
		if err != nil {
			return l, fmt.Errorf("ima: entry %d at byte %d: %w", r.Entries+uint64(len(l.Entries)), r.Bytes+uint64(pos), err)
		}
		pos += rec.size
		l.Entries = append(l.Entries, rec.entry(text, pos))
		l.registers = append(l.registers, register...)
		l.Pending = len(part) - pos
	}
	return l, nil
}

// count is how many records the framing of part has, at most MaxEntries, and how
// many bytes they are. It reads lengths only, which costs less than growing the list.
func count(part []byte) (n, size int) {
	for ; n < MaxEntries; n++ {
		r, err := next(part[size:])
		if err != nil {
			break
		}
		size += r.size
	}
	return n, size
}

// add counts one entry.
func (r *Replay) add(e *Entry) {
	r.Entries++
	switch {
	case e.PCR != PCR:
		r.Elsewhere++
	case e.Violation:
		r.Violations++
	case e.Hidden:
		r.Hidden++
	case !e.Understood:
		r.Opaque++
	}
}
