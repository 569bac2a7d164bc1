package runlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

// Record is one record of the log.
type Record struct {
	PCR     uint8
	Digests map[uint16][]byte // what was extended, by bank
	Event   Event             // Event.Sequence is the record number
	End     int               // offset in the part of the first byte behind the record
	Digest  [32]byte          // SHA-256 of the whole record: Previous of the next
}

// encode makes the record of an event, with digests for these banks.
func encode(e *Event, pcr uint8, active map[uint16][]byte) ([]byte, Record, error) {
	if err := e.Check(); err != nil {
		return nil, Record{}, err
	}
	value, err := attest.Marshal(e)
	if err != nil {
		return nil, Record{}, fmt.Errorf("event: %w", err)
	}
	if len(value) > MaxContent {
		return nil, Record{}, fmt.Errorf("event of %d bytes, limit %d: %w", len(value), MaxContent, ErrLimit)
	}
	content := appendTLV(nil, ContentType, value)
	r := Record{PCR: pcr, Digests: map[uint16][]byte{}, Event: *e}
	var digests []byte
	for _, bank := range banks {
		if h, ok := bankHash(bank); ok && active[bank] != nil {
			r.Digests[bank] = sum(h, content)
			digests = appendTLV(digests, byte(bank), r.Digests[bank])
		}
	}
	b := appendTLV(nil, tlvNumber, binary.BigEndian.AppendUint64(nil, e.Sequence))
	b = appendTLV(b, tlvPCR, []byte{pcr})
	b = appendTLV(b, tlvDigests, digests)
	b = append(b, content...)
	r.Digest = sha256.Sum256(b)
	return b, r, nil
}

// decode reads the record at the front of b and checks all of it but its place
// in the chain. Size is how long it is; errCut where b ends within it.
func decode(b []byte) (r Record, size int, err error) {
	number, rest, err := takeTLV(b, tlvNumber, 8, 8)
	if err != nil {
		return r, 0, err
	}
	pcr, rest, err := takeTLV(rest, tlvPCR, 1, 1)
	if err != nil {
		return r, 0, err
	}
	if r.PCR = pcr[0]; r.PCR >= maxPCR {
		return r, 0, fmt.Errorf("PCR %d: %w", r.PCR, ErrMalformed)
	}
	digests, content, err := takeTLV(rest, tlvDigests, 1, maxDigests)
	if err != nil {
		return r, 0, err
	}
	value, rest, err := takeTLV(content, ContentType, 1, MaxContent)
	if err != nil {
		return r, 0, err
	}
	content = content[:len(content)-len(rest)]
	if r.Digests, err = decodeDigests(digests, content); err != nil {
		return r, 0, err
	}
	if err := attest.Unmarshal(value, &r.Event, MaxContent); err != nil {
		return r, 0, fmt.Errorf("content: %w: %w", err, ErrMalformed)
	}
	if err := r.Event.Check(); err != nil {
		return r, 0, err
	}
	if n := binary.BigEndian.Uint64(number); n != r.Event.Sequence {
		return r, 0, fmt.Errorf("record number %d of event %d: %w", n, r.Event.Sequence, ErrMalformed)
	}
	size = len(b) - len(rest)
	r.Digest = sha256.Sum256(b[:size])
	return r, size, nil
}

// decodeDigests reads the digests, ascending by bank, each of them that of the content:
// a digest that is not would let the log say one thing and the register another.
func decodeDigests(b, content []byte) (map[uint16][]byte, error) {
	all := map[uint16][]byte{}
	for last := -1; len(b) > 0; {
		bank := b[0]
		h, ok := bankHash(uint16(bank))
		if !ok || int(bank) <= last {
			return nil, fmt.Errorf("digest of bank %d unknown or out of order: %w", bank, ErrMalformed)
		}
		last = int(bank)
		d, rest, err := takeTLV(b, bank, h.Size(), h.Size())
		if err != nil {
			return nil, fmt.Errorf("digest of bank %d: %w", bank, ErrMalformed)
		}
		if !bytes.Equal(d, sum(h, content)) {
			return nil, fmt.Errorf("digest of bank %d is not that of the content: %w", bank, ErrMalformed)
		}
		all[uint16(bank)], b = d, rest
	}
	return all, nil
}
