package verify

import (
	"bytes"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// TestEveryFlippedBitOfAResponseIsRefused plays the network: the validator
// records faithfully what arrived, and what arrived has one bit changed.
func TestEveryFlippedBitOfAResponseIsRefused(t *testing.T) {
	f := newForge(t)
	p, err := DefaultPolicy()
	if err != nil {
		t.Fatal(err)
	}
	v, err := New(Endorsements{Validator: &f.validator.PublicKey, Node: f.nodeFile()}, nil, p)
	if err != nil {
		t.Fatal(err)
	}
	rec := openedRecord(t, f)
	o := Options{At: f.at.Add(time.Second), Asked: TierCommunity}
	for i := range rec.Response {
		bad := *rec
		bad.Response = bytes.Clone(rec.Response)
		bad.Response[i] ^= 1 << (i % 8)
		r, err := v.Verify(f.seal(&bad), o)
		if err != nil {
			t.Fatalf("byte %d: could not judge: %v", i, err)
		}
		if r.Accepted || len(ids(r, Contraindicated)) == 0 {
			t.Fatalf("byte %d flipped and accepted", i)
		}
	}
}

func TestEveryFlippedBitOfARecordIsRefused(t *testing.T) {
	f := newForge(t)
	e := Endorsements{Validator: &f.validator.PublicKey, Node: f.nodeFile()}
	record := f.make()
	o := Options{At: f.at.Add(time.Second), Asked: TierCommunity}
	for i := range record {
		bad := bytes.Clone(record)
		bad[i] ^= 1 << (i % 8)
		if r, err := judgeRecord(e, nil, o, bad); err == nil && r.Accepted {
			t.Fatalf("byte %d flipped and accepted", i)
		}
	}
}

// openedRecord is the record that an honest exchange of f gives.
func openedRecord(t testing.TB, f *forge) *attest.Record {
	t.Helper()
	msg, err := sign.Open(f.make(), attest.TypeRecord, attest.MaxRecordSize)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := attest.ParseRecord(msg.Unverified())
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func (f *forge) seal(rec *attest.Record) []byte {
	return f.must(sign.Seal(f.validator, attest.TypeRecord, f.must(attest.Marshal(rec))))
}

// FuzzResponse hands arbitrary bytes to everything behind the validator's signature.
func FuzzResponse(f *testing.F) {
	fg := newForge(f)
	rec := openedRecord(f, fg)
	f.Add(rec.Response)
	seedVectors(f, func(v vector) {
		if msg, err := sign.Open(v.record, attest.TypeRecord, attest.MaxRecordSize); err == nil {
			if r, err := attest.ParseRecord(msg.Unverified()); err == nil {
				f.Add(r.Response)
			}
		}
	})
	e, o := Endorsements{Validator: &fg.validator.PublicKey, Node: fg.nodeFile()}, Options{At: fg.at.Add(time.Second), Asked: TierCommunity}
	good := rec.Response
	f.Fuzz(func(t *testing.T, b []byte) {
		fg.t = t
		bad := *rec
		bad.Response = b
		r, err := judgeRecord(e, nil, o, fg.seal(&bad))
		if err == nil && r.Accepted && !bytes.Equal(b, good) {
			t.Fatal("accepted another response than the honest one")
		}
	})
}

// FuzzFiles hands arbitrary bytes to the readers of files.
func FuzzFiles(f *testing.F) {
	fg := newForge(f)
	f.Add(fg.make())
	f.Add(fg.nodeFile())
	ref, err := MarshalReference(nil, attest.Reference{Models: []attest.ReferenceModel{{Name: "m"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ref)
	f.Add([]byte("tier: community\nkinds: {}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if in, err := Inspect(b); err == nil && len(in.View) == 0 {
			t.Error("inspected and nothing to see")
		}
		OpenNode(b)
		new(References).Add(b, nil)
		if tp, err := ParseTierPolicy(b); err == nil && tp.check() != nil {
			t.Error("a policy passed that does not pass its own check")
		}
	})
}
