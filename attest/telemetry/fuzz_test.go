package telemetry_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

func sum(b []byte) [32]byte { return sha256.Sum256(b) }

// FuzzRecord: nothing reads a record by itself; what a chunk rebuilds is hashed in the one encoding that this holds to.
func FuzzRecord(f *testing.F) {
	for _, r := range append(odd(), records(2, 2)...) {
		if b, err := r.Encode(); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r telemetry.Record
		if attest.Unmarshal(b, &r, telemetry.MaxRecord) != nil || r.Check() != nil {
			return
		}
		if again, err := r.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x is read and written as %x: %v", b, again, err)
		}
	})
}

func FuzzParseChunk(f *testing.F) {
	_, start := genesis(f)
	for _, list := range [][]*telemetry.Record{odd(), records(3, 2)} {
		c, err := telemetry.NewChunk(start, list)
		if err != nil {
			f.Fatal(err)
		}
		b, _ := c.Encode()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := telemetry.ParseChunk(b)
		if err != nil {
			return
		}
		if list, _, err := c.Verify(); err == nil && head(t, c.Begin(), list) != c.End() {
			t.Fatal("verified records have another hash")
		}
	})
}

// FuzzColumns feeds columns behind the compressor, which random bytes seldom pass.
func FuzzColumns(f *testing.F) {
	for _, list := range [][]*telemetry.Record{odd(), records(3, 2)} {
		b, err := telemetry.Pack(list)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, len(list))
	}
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 1 || n > telemetry.MaxSteps {
			return
		}
		list, err := telemetry.Unpack(b, n)
		if err != nil {
			return
		}
		for _, r := range list {
			if _, err := r.Encode(); err != nil {
				return // refused by whoever hashes it
			}
		}
		again, err := telemetry.Pack(list)
		if err != nil {
			t.Fatal(err)
		}
		second, err := telemetry.Unpack(again, n)
		if err != nil {
			t.Fatal(err)
		}
		for i := range list {
			x, _ := list[i].Encode()
			y, _ := second[i].Encode()
			if !bytes.Equal(x, y) {
				t.Fatalf("record %d differs after packing again", i)
			}
		}
	})
}

func FuzzParseClaims(f *testing.F) {
	doc, start := genesis(f)
	b, err := attest.Marshal(telemetry.Claims{Genesis: doc, Hash: start.Hash})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := telemetry.Parse(b); err == nil {
			if again, err := attest.Marshal(c); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("%x is written as %x: %v", b, again, err)
			}
		}
	})
}

func FuzzParseHistory(f *testing.F) {
	doc, start := genesis(f)
	c, err := telemetry.NewChunk(start, records(2, 1))
	if err != nil {
		f.Fatal(err)
	}
	chunk, _ := c.Encode()
	b, err := attest.Marshal(telemetry.History{Genesis: [][]byte{doc}, Chunks: [][]byte{chunk},
		Anchors: []telemetry.Anchor{{Head: c.End(), At: 1, Attest: []byte{1}, Signature: []byte{2}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := telemetry.ParseHistory(b); err == nil {
			if again, err := attest.Marshal(h); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("%x is written as %x: %v", b, again, err)
			}
		}
	})
}

func FuzzParseAnchor(f *testing.F) {
	b, _ := attest.Marshal(telemetry.Anchor{Head: telemetry.Head{Index: 1}, Attest: []byte{1}, Signature: []byte{2}})
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := telemetry.ParseAnchor(b); err == nil {
			if again, err := attest.Marshal(a); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("%x is written as %x: %v", b, again, err)
			}
		}
	})
}
