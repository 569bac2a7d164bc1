package telemetry

import (
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

// Chunk is a stretch of a chain: a minute on disk, or the window of an answer.
type Chunk struct {
	Genesis attest.Digest `cbor:"1,keyasint"`
	First   uint64        `cbor:"2,keyasint"` // index of the first record, from 1
	Count   uint64        `cbor:"3,keyasint"` // records
	Before  attest.Digest `cbor:"4,keyasint"` // h of First-1
	After   attest.Digest `cbor:"5,keyasint"` // h of the last record
	Columns uint64        `cbor:"6,keyasint"` // bytes of the columns
	Body    []byte        `cbor:"7,keyasint"` // the columns, compressed with zstd (RFC 8878)
}

// Begin is the head before the chunk, as the chunk says.
func (c *Chunk) Begin() Head { return Head{c.Genesis, c.First - 1, c.Before} }

// End is the head behind the chunk, as the chunk says.
func (c *Chunk) End() Head { return Head{c.Genesis, c.First + c.Count - 1, c.After} }

// NewChunk packs records that follow one another, each in its one encoding.
func NewChunk(before Head, records []*Record) (*Chunk, error) {
	if len(records) == 0 || len(records) > MaxSteps {
		return nil, fmt.Errorf("telemetry chunk: %d records, want 1 to %d", len(records), MaxSteps)
	}
	heads, err := before.through(records)
	if err != nil {
		return nil, err
	}
	after := heads[len(heads)-1]
	columns, err := pack(records)
	if err != nil {
		return nil, err
	}
	body, err := compress(columns)
	if err != nil {
		return nil, err
	}
	return &Chunk{before.Genesis, before.Index + 1, uint64(len(records)), before.Hash, after.Hash, uint64(len(columns)), body}, nil
}

// Encode returns the one encoding of c.
func (c *Chunk) Encode() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	b, err := attest.Marshal(c)
	if err == nil && len(b) > MaxChunk {
		err = fmt.Errorf("%d bytes, limit %d", len(b), MaxChunk)
	}
	if err != nil {
		return nil, fmt.Errorf("telemetry chunk: %w", err)
	}
	return b, nil
}

// ParseChunk decodes a chunk. What it holds is not looked at: see Verify.
func ParseChunk(b []byte) (*Chunk, error) {
	var c Chunk
	if err := attest.Unmarshal(b, &c, MaxChunk); err != nil {
		return nil, fmt.Errorf("telemetry chunk: %w", err)
	}
	return &c, c.check()
}

func (c *Chunk) check() error {
	switch {
	case c.First == 0 || c.First > 1<<53:
		return errors.New("telemetry chunk: first index out of range")
	case c.Count == 0 || c.Count > MaxSteps:
		return fmt.Errorf("telemetry chunk: %d records, want 1 to %d", c.Count, MaxSteps)
	case c.Columns > MaxColumns:
		return fmt.Errorf("telemetry chunk: columns of %d bytes, limit %d", c.Columns, MaxColumns)
	case len(c.Body) == 0 || len(c.Body) > MaxChunk:
		return fmt.Errorf("telemetry chunk: body of %d bytes, limit %d", len(c.Body), MaxChunk)
	}
	return nil
}

// ErrChain says that records are not those whose hashes are claimed.
var ErrChain = errors.New("the records do not give the hash that is claimed of them")

// Verify rebuilds the records and compares their hash with what the chunk says.
// That they belong to a chain that somebody quoted is for the caller: End, or what
// follows from it, must be a quoted head. heads[i] is the head with records[i].
func (c *Chunk) Verify() (records []*Record, heads []Head, err error) {
	if err := c.check(); err != nil {
		return nil, nil, err
	}
	columns, err := decompress(c.Body, int(c.Columns))
	if err != nil {
		return nil, nil, fmt.Errorf("telemetry chunk: %w", err)
	}
	records, err = unpack(columns, int(c.Count))
	if err != nil {
		return nil, nil, fmt.Errorf("telemetry chunk: %w", err)
	}
	if heads, err = c.Begin().through(records); err != nil {
		return nil, nil, err
	}
	if heads[len(heads)-1] != c.End() {
		return nil, nil, fmt.Errorf("telemetry chunk %d to %d: %w", c.First, c.First+c.Count-1, ErrChain)
	}
	return records, heads, nil
}

// through is the heads that records make. A few kilobytes can name one large record
// eighteen thousand times: no more of them is encoded than a chunk may hold.
func (h Head) through(records []*Record) ([]Head, error) {
	heads, size := make([]Head, len(records)), 0
	for i, r := range records {
		b, err := r.Encode()
		if err != nil {
			return nil, err
		}
		if size += len(b); size > MaxUnpacked {
			return nil, fmt.Errorf("telemetry chunk: records of more than %d bytes", MaxUnpacked)
		}
		h = h.Append(b)
		heads[i] = h
	}
	return heads, nil
}
