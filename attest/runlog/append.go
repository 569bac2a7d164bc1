package runlog

import (
	"context"
	"errors"
	"fmt"
)

var (
	// ErrPending says that an event is on disk and not known to be extended. It needs no
	// second Append: Settle, the next Append or the next Open extends it.
	ErrPending = errors.New("written, not extended yet")
	// ErrFull says that this boot's log has reached its limit.
	ErrFull = errors.New("the log of this boot is full")
)

// Append records an event: to disk, then into the register. The first of a boot must be a start.
//
// With ErrPending the event stands in the log. With ErrForeign, once and for
// ever, it does not count: the register is not ours any more. With any other error nothing happened.
func (l *Log) Append(ctx context.Context, typ Type, facts Facts) (Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed != nil {
		return Record{}, l.closed
	}
	if err := l.settle(ctx); err != nil {
		return Record{}, err
	}
	e := Event{BootID: l.o.BootID, Sequence: l.chain.next, Previous: l.chain.previous, Type: typ,
		At: uint64(max(0, l.o.Clock().UnixMilli())), Facts: facts}
	raw, r, err := encode(&e, l.o.PCR, l.after)
	if err != nil {
		return Record{}, fmt.Errorf("runlog: %w", err)
	}
	if l.chain.next >= MaxRecords || l.size()+uint64(len(raw)) > MaxLog {
		return Record{}, fmt.Errorf("runlog: %d records, %d bytes: %w", l.chain.next, l.size(), ErrFull)
	}
	next, ok := l.after.extended(r.Digests)
	if !ok {
		return Record{}, fmt.Errorf("runlog: no digest for an active bank: %w", ErrBank)
	}
	following := l.chain
	if err := following.follow(&r); err != nil {
		return Record{}, fmt.Errorf("runlog: %w", err)
	}
	if err := l.disk.append(raw); err != nil {
		return Record{}, fmt.Errorf("runlog: %w", err)
	}
	l.chain, l.before, l.after, l.last, l.settled = following, l.after, next, r.Digests, false
	r.End = int(l.grow(len(raw)))
	if err := l.settle(ctx); err != nil {
		if l.closed == nil {
			err = fmt.Errorf("%w: %w", ErrPending, err)
		}
		return r, err
	}
	return r, nil
}

// grow takes a record that is on disk into what readers get. It does so before the
// extension: a quote may hold the event before we know.
func (l *Log) grow(size int) (end uint64) {
	end = l.size() + uint64(size)
	l.extent.Lock()
	defer l.extent.Unlock()
	l.ends = append(l.ends, end)
	return end
}

// Settle extends an event that is pending and compares the register with the log.
func (l *Log) Settle(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed != nil {
		return l.closed
	}
	return l.settle(ctx)
}
