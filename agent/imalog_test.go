package agent

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
)

// imaEntry is one record of template ima-ng (package ima).
func imaEntry(path string) []byte {
	le := binary.LittleEndian.AppendUint32
	content := sha256.Sum256([]byte("content of " + path))
	digest := append([]byte("sha256:\x00"), content[:]...)
	data := append(le(nil, uint32(len(digest))), digest...)
	data = append(append(le(data, uint32(len(path)+1)), path...), 0)
	hash := sha1.Sum(data)
	out := append(le(nil, 10), hash[:]...)
	out = append(le(out, 6), "ima-ng"...)
	return append(le(out, uint32(len(data))), data...)
}

func imaList(n int) []byte {
	out := imaEntry("boot_aggregate")
	for i := range n {
		out = append(out, imaEntry(fmt.Sprintf("/usr/bin/program-%d-with-a-long-name-to-be-hidden", i))...)
	}
	return out
}

func TestRelatedEntriesStayAndOthersAreHiddenAtAnyOffset(t *testing.T) {
	raw := imaList(9000) // more than one chunk
	read := RelatedIMA(memoryLog(raw), func(e ima.Entry) bool { return strings.Contains(e.Path, "-7-") })
	want, err := ima.NewReplay(ima.Bank{Alg: ima.SHA256}).Continue(raw)
	if err != nil {
		t.Fatal(err)
	}
	n := startNode(t, nodeOptions{logs: map[string]LogReader{attest.LogIMA: read}})
	part := n.logs(t, n.validator, &attest.Logs{IMA: at(0)})[attest.LogIMA]
	got, err := ima.NewReplay(ima.Bank{Alg: ima.SHA256}).Continue(part.Bytes)
	if err != nil || len(part.Bytes) != len(raw) || part.More {
		t.Fatalf("%d bytes of %d, more %v, %v", len(part.Bytes), len(raw), part.More, err)
	}
	end := got.At(len(got.Entries))
	if !bytes.Equal(end.Register, want.At(len(want.Entries)).Register) || end.Hidden != 8999 {
		t.Errorf("register %x, %d hidden", end.Register, end.Hidden)
	}
	if bytes.Contains(part.Bytes, []byte("program-8-")) || !bytes.Contains(part.Bytes, []byte("program-7-")) {
		t.Error("the wrong entries are hidden")
	}
	middle := uint64(want.Entries[4000].End)
	part = n.logs(t, n.validator, &attest.Logs{IMA: &middle})[attest.LogIMA]
	if got, err := want.At(4001).Continue(part.Bytes); err != nil || !bytes.Equal(got.At(len(got.Entries)).Register, end.Register) {
		t.Errorf("from the middle: %v", err)
	}
}

func TestOffsetInsideAnEntryOpensNothingThatIsHidden(t *testing.T) {
	raw := imaList(20)
	read := RelatedIMA(memoryLog(raw), func(ima.Entry) bool { return false })
	n := startNode(t, nodeOptions{logs: map[string]LogReader{attest.LogIMA: read}})
	ends := map[uint64]bool{0: true}
	list, err := ima.NewReplay(ima.Bank{Alg: ima.SHA256}).Continue(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list.Entries {
		ends[uint64(e.End)] = true
	}
	for offset := uint64(0); offset < uint64(len(raw))+3; offset += 7 {
		part := n.logs(t, n.validator, &attest.Logs{IMA: &offset})[attest.LogIMA]
		if bytes.Contains(part.Bytes, []byte("program-")) {
			t.Fatalf("offset %d opens a hidden entry", offset)
		}
		if ends[offset] != (part.Absent == nil) {
			t.Errorf("offset %d: %+v", offset, part.Absent)
		}
	}
}

func TestRelatedListThatCannotBeReadIsNotSent(t *testing.T) {
	raw := append(imaList(2), bytes.Repeat([]byte{0xff}, 200)...)
	if b, _, err := RelatedIMA(memoryLog(raw), func(ima.Entry) bool { return true })(t.Context(), 0, maxLogChunk); err == nil {
		t.Errorf("%d bytes", len(b))
	}
}
