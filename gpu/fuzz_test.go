package gpu

import (
	"bytes"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

func FuzzParse(f *testing.F) {
	for _, n := range []int{1, 3} {
		b, err := attest.Marshal(snapshot(f, fake{n: n}))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Add(h100(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err != nil {
			return
		}
		again, err := attest.Marshal(c)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("accepted %x, encodes as %x, %v", b, again, err)
		}
		for _, a := range c.Absent {
			if _, ok := c.Why(a.What); !ok {
				t.Errorf("Why does not find %q", a.What)
			}
		}
	})
}

func FuzzReadReply(f *testing.F) {
	var b bytes.Buffer
	WriteFrame(&b, Reply{ID: 1, Result: []byte{0xA0}}, MaxReplySize)
	f.Add(b.Bytes())
	b.Reset()
	WriteFrame(&b, Reply{ID: 2, Error: &ReplyError{Reason: attest.NotLoaded, Detail: "x"}}, MaxReplySize)
	f.Add(b.Bytes())
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := ReadReply(bytes.NewReader(in))
		roundTrip(t, in, p, err)
		ParseHello(p.Result)
	})
}

func FuzzReadRequest(f *testing.F) {
	var b bytes.Buffer
	WriteFrame(&b, Request{ID: 1, Method: MethodSnapshot}, MaxRequestSize)
	f.Add(b.Bytes())
	b.Reset()
	params, _ := attest.Marshal(SweepParams{Minute: true, BudgetMillis: 700, Skip: []string{"00000000:18:00.0"}})
	WriteFrame(&b, Request{ID: 2, Method: MethodSweep, Params: params}, MaxRequestSize)
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, in []byte) {
		q, err := ReadRequest(bytes.NewReader(in))
		roundTrip(t, in, q, err)
		ParseSnapshotParams(q.Params)
		ParseSweepParams(q.Params)
	})
}

func roundTrip(t *testing.T, in []byte, v any, err error) {
	if err != nil {
		return
	}
	var out bytes.Buffer
	if err := WriteFrame(&out, v, MaxReplySize); err != nil || !bytes.HasPrefix(in, out.Bytes()) {
		t.Errorf("read %x, writes %x, %v", in, out.Bytes(), err)
	}
}
