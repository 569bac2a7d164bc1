package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// relatedLog hides entries of the kernel's list that are nobody's business. It
// knows where entries begin, for a part from the middle of one could not be hidden.
type relatedLog struct {
	list LogReader
	keep func(ima.Entry) bool

	mu   sync.Mutex
	ends []uint64 // of the entries read so far, ascending
}

// newRelatedLog hides in a list what keep declines; nil where the list goes out as it is.
func newRelatedLog(list LogReader, keep func(ima.Entry) bool) *relatedLog {
	if list == nil || keep == nil {
		return nil
	}
	return &relatedLog{list: list, keep: keep}
}

// relatedIMA reads the list with its unrelated entries hidden, if they replay in the bank that is quoted.
func (c *Collector) relatedIMA(ctx context.Context, offset uint64, most int) ([]byte, bool, error) {
	bank, err := c.quotedBank()
	if err != nil {
		return nil, false, err
	}
	if bank != ima.SHA256 {
		// Hidden, the list would be worth nothing; as it is, it shows what the operator keeps private.
		return nil, false, &attest.AbsentError{Absence: attest.Absent("", attest.NotConfigured,
			"hidden entries replay in the SHA-256 bank alone, and this TPM quotes bank %#04x: set logs.entries to all, or activate its SHA-256 bank", bank)}
	}
	return c.related.read(ctx, offset, most)
}

// quotedBank is the bank that this node quotes, SHA-256 where it quotes none.
func (c *Collector) quotedBank() (uint16, error) {
	_, t, err := c.root()
	if err != nil || t == nil {
		return ima.SHA256, err
	}
	s := t.stated()
	if s.absence != nil {
		return 0, &attest.AbsentError{Absence: *s.absence}
	}
	claims, err := tpm.Parse(s.body)
	if err != nil {
		return 0, err
	}
	return claims.Bank, nil
}

func (r *relatedLog) read(ctx context.Context, offset uint64, most int) ([]byte, bool, error) {
	if err := r.boundary(ctx, offset); err != nil {
		return nil, false, err
	}
	b, more, err := r.list(ctx, offset, most)
	if err != nil {
		return nil, false, err
	}
	hidden, err := ima.Hide(b, r.keep)
	if err != nil {
		return nil, false, fmt.Errorf("measurement list: %w", err)
	}
	return hidden, more || len(hidden) < len(b), nil
}

// boundary refuses offsets at which no entry begins. It reads on from the last
// one it knows; the list only grows, so what it knows stays true while the host is up.
func (r *relatedLog) boundary(ctx context.Context, offset uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for known := r.known(); known < offset; {
		b, more, err := r.list(ctx, known, maxLogChunk)
		if err != nil {
			return err
		}
		list, err := ima.NewReplay(ima.Bank{Alg: ima.SHA256}).Continue(b)
		if err != nil {
			return fmt.Errorf("measurement list: %w", err)
		}
		for _, e := range list.Entries {
			r.ends = append(r.ends, known+uint64(e.End))
		}
		if known = r.known(); len(list.Entries) == 0 || !more && known < offset {
			break
		}
	}
	if _, ok := slices.BinarySearch(r.ends, offset); !ok && offset != 0 {
		return fmt.Errorf("no entry begins at byte %d: the host restarted since, or the offset is invented; ask for the whole list", offset)
	}
	return nil
}

func (r *relatedLog) known() uint64 {
	if len(r.ends) == 0 {
		return 0
	}
	return r.ends[len(r.ends)-1]
}

// maxMendList bounds the list that is read to mend a register, bytes.
const maxMendList = 64 << 20

// mendIMA finds the value of register 10 that a quote was made over, where the
// kernel extended it between reading and quoting: some prefix of its list gives
// it. The list is read after the quote, so it holds that prefix.
func mendIMA(ctx context.Context, list LogReader, q *tpm.Quote) error {
	x, err := tpm.ParseQuoted(*q)
	if err != nil {
		return err
	}
	if x.CheckPCRDigest() == nil {
		return nil
	}
	raw, err := whole(ctx, list)
	if err != nil {
		return fmt.Errorf("register 10 moved while it was quoted, and the measurement list cannot be read: %w", err)
	}
	pcrs := make(map[uint][]byte, len(q.PCRs))
	for i, v := range q.PCRs {
		pcrs[i] = v
	}
	for _, b := range []ima.Bank{{Alg: q.Bank}, {Alg: q.Bank, Padded: true}} {
		if register, ok := quotedRegister(b, raw, func(register []byte) bool {
			pcrs[ima.PCR] = register
			return bytes.Equal(tpm.PCRDigest(pcrs), x.Digest())
		}); ok {
			pcrs[ima.PCR] = register
			q.PCRs = pcrs
			return nil
		}
	}
	return fmt.Errorf("%w: no prefix of the measurement list gives the quoted register 10", tpm.ErrPCRMoving)
}

// quotedRegister replays a list of any length, part by part, and returns the latest value of register 10 for which match holds.
func quotedRegister(b ima.Bank, raw []byte, match func([]byte) bool) (register []byte, ok bool) {
	for state := ima.NewReplay(b); ; {
		list, err := state.Continue(raw[state.Bytes:])
		if list == nil {
			return register, ok
		}
		if n, _, found := list.LongestPrefix(match); found {
			register, ok = list.At(n).Register, true
		}
		if state = list.At(len(list.Entries)); !errors.Is(err, ima.ErrLimit) || len(list.Entries) == 0 {
			return register, ok
		}
	}
}

func whole(ctx context.Context, list LogReader) ([]byte, error) {
	var out []byte
	for len(out) < maxMendList {
		b, more, err := list(ctx, uint64(len(out)), maxLogChunk)
		if err != nil {
			return nil, err
		}
		if out = append(out, b...); !more || len(b) == 0 {
			return out, nil
		}
	}
	return out, nil
}
