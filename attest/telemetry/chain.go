package telemetry

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

// Head is where a chain stands.
type Head struct {
	Genesis attest.Digest `cbor:"genesis"` // h_0, which names the chain
	Index   uint64        `cbor:"index"`   // of the last record; 0: none yet
	Hash    attest.Digest `cbor:"hash"`    // h_index
}

// Start is the head of the chain that begins with a genesis document.
func Start(genesis []byte) Head {
	d := label("hallmark/telemetry/genesis/1", genesis)
	return Head{Genesis: d, Hash: d}
}

// Append steps over one record.
func (h Head) Append(record []byte) Head { return h.Step(sha256.Sum256(record)) }

// Step steps over a record of which only the digest is known.
func (h Head) Step(record attest.Digest) Head {
	h.Index++
	h.Hash = label("hallmark/telemetry/1", h.Hash[:], binary.BigEndian.AppendUint64(nil, h.Index), record[:])
	return h
}

// Follow steps over records of which only the digests are known.
func (h Head) Follow(records []attest.Digest) Head {
	for _, r := range records {
		h = h.Step(r)
	}
	return h
}

// Contradicts reports whether no chain can have both heads.
func (h Head) Contradicts(other Head) bool {
	return h.Genesis == other.Genesis && h.Index == other.Index && h.Hash != other.Hash
}

// Anchor is what the agent's own quotes sign of a head, as qualifying data.
func (h Head) Anchor() attest.Digest { return label("hallmark/anchor/1", h.Hash[:]) }

func label(name string, parts ...[]byte) (out attest.Digest) {
	d := sha256.New()
	d.Write([]byte(name))
	for _, p := range parts {
		d.Write(p)
	}
	d.Sum(out[:0])
	return out
}

// Genesis is the document that begins a chain. Each start of the collector makes one.
type Genesis struct {
	BootID   [16]byte      `cbor:"1,keyasint"`
	Random   attest.Digest `cbor:"2,keyasint"` // so that no two chains are one
	At       uint64        `cbor:"3,keyasint"` // ms since the Unix epoch
	Uptime   uint64        `cbor:"4,keyasint"` // ms since boot
	Interval uint64        `cbor:"5,keyasint"` // ms between sweeps, as configured
	Version  string        `cbor:"6,keyasint"` // of the agent
	UEID     attest.UEID   `cbor:"7,keyasint"` // of the node whose chain it is; zero where its TPM had not answered yet
	Ordinal  uint64        `cbor:"8,keyasint"` // one more than the previous chain's; 0 for a first one
	// Previous is the chain before, as far as it was on disk. Without one, Why says so:
	// "first", or what became of the state.
	Previous *Head  `cbor:"9,keyasint,omitempty"`
	Why      string `cbor:"10,keyasint,omitempty"`
	// Volatile says that the chain could not be written to disk when it began.
	Volatile bool `cbor:"11,keyasint"`
}

// Encode returns the one encoding of g.
func (g *Genesis) Encode() ([]byte, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	return attest.Marshal(g)
}

// ParseGenesis decodes a genesis document.
func ParseGenesis(b []byte) (*Genesis, error) {
	var g Genesis
	if err := attest.Unmarshal(b, &g, MaxGenesis); err != nil {
		return nil, fmt.Errorf("telemetry genesis: %w", err)
	}
	return &g, g.check()
}

func (g *Genesis) check() error {
	switch {
	case g.Random == attest.Digest{}:
		return errors.New("telemetry genesis: random bytes are zero")
	case g.Interval == 0 || g.Interval > 3_600_000:
		return fmt.Errorf("telemetry genesis: interval of %d ms", g.Interval)
	case g.Version == "" || len(g.Version) > MaxText:
		return fmt.Errorf("telemetry genesis: version of %d bytes", len(g.Version))
	case g.At > 1<<53 || g.Uptime > 1<<53 || g.Ordinal > 1<<53:
		return errors.New("telemetry genesis: time or ordinal out of range")
	case (g.Previous == nil) == (g.Why == "") || len(g.Why) > MaxText:
		return errors.New("telemetry genesis: neither a previous chain nor why there is none, or both")
	case g.Previous == nil && g.Ordinal != 0:
		return errors.New("telemetry genesis: an ordinal without a previous chain")
	}
	return nil
}
