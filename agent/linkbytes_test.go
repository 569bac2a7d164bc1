package agent

import (
	"bytes"
	"math"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

func TestByteStringRepliesAreTheSameFramesBothWays(t *testing.T) {
	for _, id := range []uint64{0, 23, 24, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxUint64} {
		for _, n := range []int{0, 1, 23, 24, 255, 256, 65535, 65536, 70000} {
			b := bytes.Repeat([]byte{0xa5}, n)
			result, err := attest.Marshal(b)
			if err != nil {
				t.Fatal(err)
			}
			want, err := attest.Marshal(&linkReply{ID: id, Result: result})
			if err != nil {
				t.Fatal(err)
			}
			if got := appendBytesReply(nil, id, b); !bytes.Equal(got, want) {
				t.Fatalf("id %d, %d bytes: %x, want %x", id, n, got[:min(len(got), 40)], want[:min(len(want), 40)])
			}
			if gotID, got, ok := cutBytesReply(want); !ok || gotID != id || !bytes.Equal(got, b) {
				t.Fatalf("id %d, %d bytes: not read", id, n)
			}
		}
	}
}

// FuzzByteStringReply holds the short way of reading a reply against the long one.
func FuzzByteStringReply(f *testing.F) {
	f.Add(appendBytesReply(nil, 7, []byte("evidence")))
	f.Add([]byte("\xa2\x62id\x18\x07\x66result\x40"))  // a long integer
	f.Add([]byte("\xa2\x62id\x07\x66result\x58\x01x")) // a long length
	f.Add([]byte("\xa2\x62id\x07\x66result\x41xy"))    // a byte behind
	f.Add([]byte("\xa2\x62id\x07\x66result\xa0"))      // a map
	f.Add([]byte("\xa2\x62id\x07\x66result\x5b\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		id, b, ok := cutBytesReply(frame)
		var p linkReply
		var long []byte
		same := attest.Unmarshal(frame, &p, maxReplyFrame) == nil && p.Error == nil && attest.Unmarshal(p.Result, &long, maxReplyFrame) == nil
		if ok != same {
			t.Fatalf("%x: ok %v the short way, %v the long one", frame, ok, same)
		}
		if ok && (id != p.ID || !bytes.Equal(b, long)) {
			t.Fatalf("%x: %d %x, want %d %x", frame, id, b, p.ID, long)
		}
	})
}

func TestLinkRefusesBytesWhereAMapIsWanted(t *testing.T) {
	p := &linkReply{bytes: []byte{0xa0}}
	if err := p.into(methodIdentity, new(NodeIdentity)); err == nil {
		t.Error("a byte string was read as a map")
	}
	var b []byte
	if err := p.into(methodEvidence, &b); err != nil || len(b) != 1 {
		t.Error(b, err)
	}
}
