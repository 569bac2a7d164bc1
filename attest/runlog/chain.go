package runlog

import (
	"errors"
	"fmt"
)

// ErrChain says that a record does not follow the one before it: another boot,
// another register, a gap, or a record that was exchanged.
var ErrChain = errors.New("does not follow the record before")

// chain is the place in a log where the next record belongs.
type chain struct {
	pcr      uint8
	bootID   [16]byte // of the first record; zero before it
	previous [32]byte
	next     uint64
}

// follow checks that r belongs here, and steps behind it.
func (c *chain) follow(r *Record) error {
	switch {
	case r.PCR != c.pcr:
		return fmt.Errorf("register %d in a log of register %d: %w", r.PCR, c.pcr, ErrChain)
	case r.Event.Sequence != c.next:
		return fmt.Errorf("sequence %d, expected %d: %w", r.Event.Sequence, c.next, ErrChain)
	case c.next > 0 && r.Event.BootID != c.bootID:
		return fmt.Errorf("another boot id: %w", ErrChain)
	case r.Event.Previous != c.previous:
		return fmt.Errorf("previous is another record: %w", ErrChain)
	case c.next >= MaxRecords:
		return fmt.Errorf("more than %d records: %w", MaxRecords, ErrLimit)
	}
	c.bootID, c.previous, c.next = r.Event.BootID, r.Digest, c.next+1
	return nil
}

// read decodes whole records that follow c. Used is how many bytes they have; with an
// error, or where part ends within a record, they are those before it.
func (c *chain) read(part []byte) (records []Record, used int, err error) {
	if len(part) > MaxLog {
		return nil, 0, fmt.Errorf("part of %d bytes, limit %d: %w", len(part), MaxLog, ErrLimit)
	}
	for used < len(part) {
		r, size, err := decode(part[used:])
		if err == errCut {
			break
		}
		if err == nil {
			err = c.follow(&r)
		}
		if err != nil {
			return records, used, fmt.Errorf("record %d at byte %d of the part: %w", c.next, used, err)
		}
		used += size
		r.End = used
		records = append(records, r)
	}
	return records, used, nil
}
