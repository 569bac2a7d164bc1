package runlog_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/runlog"
)

// Any bytes end in records that encode to the same bytes, and a rest.
func FuzzContinue(f *testing.F) {
	o := options(f, newRegister(runlog.SHA1, runlog.SHA256, runlog.SHA384, runlog.SHA512), 1)
	fill(f, open(f, o))
	all := file(f, o.Path)
	f.Add(all)
	f.Add(all[:len(all)-7])
	f.Add(startEvent().record(f))
	f.Add(frame(0, 13, tlv(200, []byte{0xa0})))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := runlog.NewReplay(runlog.SHA256, 13).Continue(b)
		end := l.At(len(l.Records))
		if int(end.Bytes)+l.Pending != len(b) {
			t.Fatalf("%d bytes consumed, %d pending of %d, %v", end.Bytes, l.Pending, len(b), err)
		}
		from := 0
		for i, r := range l.Records {
			if again := encoded(t, uint64(i), r); !bytes.Equal(again, b[from:r.End]) {
				t.Fatalf("%x came back as %x", b[from:r.End], again)
			}
			from = r.End
		}
	})
}

// Content by itself is found faster than through the digests around it.
func FuzzEvent(f *testing.F) {
	o := options(f, newRegister(runlog.SHA256), 1)
	fill(f, open(f, o))
	for _, r := range replay(f, runlog.SHA256, file(f, o.Path)).Records {
		b, err := attest.Marshal(r.Event)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		b := frame(0, 13, tlv(200, value))
		l, err := runlog.NewReplay(runlog.SHA256, 13).Continue(b)
		if err != nil || len(l.Records) == 0 {
			return
		}
		if again := encoded(t, 0, l.Records[0]); !bytes.Equal(again, b) {
			t.Errorf("%x came back as %x", b, again)
		}
	})
}

func encoded(t *testing.T, n uint64, r runlog.Record) []byte {
	t.Helper()
	value, err := attest.Marshal(r.Event)
	if err != nil {
		t.Fatal(err)
	}
	var digests []byte
	for _, bank := range []uint16{runlog.SHA1, runlog.SHA256, runlog.SHA384, runlog.SHA512} {
		if d := r.Digests[bank]; d != nil {
			digests = append(digests, tlv(byte(bank), d)...)
		}
	}
	return slices.Concat(tlv(0, number(n)), tlv(1, []byte{r.PCR}), tlv(3, digests), tlv(200, value))
}
