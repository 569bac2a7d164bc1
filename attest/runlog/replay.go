package runlog

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrBank says that a bank is not known, a state is not one of its bank, or a record has no digest for it.
var ErrBank = errors.New("not a bank of this replay")

// Replay is a log read so far: where it ends and what the register is there. It is a plain value: a
// verifier may keep one whose register stood in a quote and continue from it later.
type Replay struct {
	Bank     uint16 // TPM_ALG_ID
	PCR      uint8
	Register []byte   // never written to
	Bytes    uint64   // consumed: the offset to ask for next
	Records  uint64   // consumed
	BootID   [16]byte // of the records; zero before the first
	Previous [32]byte // SHA-256 of the last record
}

// NewReplay is the state before the first record: the register is zero after a reset.
func NewReplay(bank uint16, pcr uint8) Replay {
	r := Replay{Bank: bank, PCR: pcr}
	if h, ok := bankHash(bank); ok {
		r.Register = make([]byte, h.Size())
	}
	return r
}

// Continue reads the records of a part that begins at offset r.Bytes, a record
// boundary, checks that each follows the one before, and replays them. A record
// that the part cuts is left over (List.Pending).
//
// With an error the list holds the records before the bad one.
func (r Replay) Continue(part []byte) (*List, error) {
	l := &List{From: r, Pending: len(part)}
	h, ok := bankHash(r.Bank)
	if !ok || len(r.Register) != h.Size() {
		return l, fmt.Errorf("runlog: bank %#04x, register of %d bytes: %w", r.Bank, len(r.Register), ErrBank)
	}
	c := chain{pcr: r.PCR, bootID: r.BootID, previous: r.Previous, next: r.Records}
	records, used, err := c.read(part)
	if err != nil {
		err = fmt.Errorf("runlog: %w", err)
	}
	register := r.Register
	for i := range records {
		d := records[i].Digests[r.Bank]
		if d == nil {
			used = 0
			if i > 0 {
				used = records[i-1].End
			}
			records, err = records[:i], fmt.Errorf("runlog: record %d: no digest for bank %#04x: %w", r.Records+uint64(i), r.Bank, ErrBank)
			break
		}
		register = sum(h, register, d)
		l.registers = append(l.registers, register)
	}
	l.Records, l.Pending = records, len(part)-used
	return l, err
}

// List is a part of a log, with the register after each record.
type List struct {
	From    Replay // before the part
	Records []Record
	Pending int // bytes of the part behind the last record read

	registers [][]byte // after record i
}

// At is the state after the first n records of the part; n of 0 is From.
func (l *List) At(n int) Replay {
	r := l.From
	r.Register = bytes.Clone(l.register(n))
	if n > 0 {
		last := &l.Records[n-1]
		r.Bytes += uint64(last.End)
		r.Records += uint64(n)
		r.BootID, r.Previous = last.Event.BootID, last.Digest
	}
	return r
}

func (l *List) register(n int) []byte {
	if n == 0 {
		return l.From.Register
	}
	return l.registers[n-1]
}

// LongestPrefix finds the longest prefix of the part after which match holds for
// the register, and returns how many records and bytes it has. The log may have grown between
// the quote and its reading, and its last record may not be extended yet.
func (l *List) LongestPrefix(match func(register []byte) bool) (records, size int, ok bool) {
	for n := len(l.Records); n >= 0; n-- {
		if match(l.register(n)) {
			if n > 0 {
				size = l.Records[n-1].End
			}
			return n, size, true
		}
	}
	return 0, 0, false
}
