package agent

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
	"github.com/hallmark-attest/hallmark/attest/tpm"
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

func none(ima.Entry) bool { return false }

func TestRelatedEntriesStayAndOthersAreHiddenAtAnyOffset(t *testing.T) {
	raw := imaList(9000) // more than one chunk
	want, err := ima.NewReplay(ima.Bank{Alg: ima.SHA256}).Continue(raw)
	if err != nil {
		t.Fatal(err)
	}
	n := startNode(t, nodeOptions{logs: map[string]LogReader{attest.LogIMA: memoryLog(raw)}, related: func(e ima.Entry) bool { return strings.Contains(e.Path, "-7-") }})
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
	n := startNode(t, nodeOptions{logs: map[string]LogReader{attest.LogIMA: memoryLog(raw)}, related: none})
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
	if b, _, err := newRelatedLog(memoryLog(raw), func(ima.Entry) bool { return true }).read(t.Context(), 0, maxLogChunk); err == nil {
		t.Errorf("%d bytes", len(b))
	}
}

// An entry that a part's end cuts is left to the next part, hidden or not.
func TestListOfManyPartsComesWholeHiddenOrNot(t *testing.T) {
	raw := imaList(60_000)
	if len(raw) < attest.MaxLogSize+attest.MaxLogSize/4 {
		t.Fatalf("%d bytes are no list of two parts", len(raw))
	}
	bank := ima.Bank{Alg: ima.SHA256}
	want, err := ima.NewReplay(bank).Continue(raw)
	if err != nil {
		t.Fatal(err)
	}
	for name, keep := range map[string]func(ima.Entry) bool{"whole": nil, "all hidden": none} {
		n := startNode(t, nodeOptions{logs: map[string]LogReader{attest.LogIMA: memoryLog(raw)}, related: keep})
		var got []byte
		var parts int
		for more := true; more; parts++ {
			part := n.logs(t, n.validator, &attest.Logs{IMA: at(uint64(len(got)))})[attest.LogIMA]
			if part.Absent != nil || part.Offset != uint64(len(got)) || len(part.Bytes) == 0 {
				t.Fatalf("%s: at byte %d: %d bytes, %+v", name, len(got), len(part.Bytes), part.Absent)
			}
			got, more = append(got, part.Bytes...), part.More
		}
		l, err := ima.NewReplay(bank).Continue(got)
		if err != nil || parts != 2 || len(got) != len(raw) || !bytes.Equal(l.At(len(l.Entries)).Register, want.At(len(want.Entries)).Register) {
			t.Errorf("%s: %d bytes of %d in %d parts, %v", name, len(got), len(raw), parts, err)
		}
	}
}

// bankTPM quotes another bank.
type bankTPM struct {
	*fakeTPM
	bank uint16
}

func (b bankTPM) Claims(ctx context.Context) (any, error) {
	c, err := b.fakeTPM.Claims(ctx)
	c.(*tpm.Claims).Bank = b.bank
	return c, err
}

func TestNothingIsHiddenWhereHiddenEntriesDoNotReplay(t *testing.T) {
	raw := imaList(5)
	for _, c := range []struct {
		bank   uint16
		keep   func(ima.Entry) bool
		absent bool
	}{{ima.SHA256, none, false}, {ima.SHA384, none, true}, {ima.SHA384, nil, false}} {
		open := func(context.Context) (TPM, error) { return bankTPM{newFakeTPM(t), c.bank}, nil }
		n := startNode(t, nodeOptions{openTPM: open, logs: map[string]LogReader{attest.LogIMA: memoryLog(raw)}, related: c.keep})
		part := n.logs(t, n.validator, &attest.Logs{IMA: at(0)})[attest.LogIMA]
		switch {
		case !c.absent && len(part.Bytes) != len(raw):
			t.Errorf("%+v: %d bytes, %+v", c.bank, len(part.Bytes), part.Absent)
		case c.absent && (part.Absent == nil || part.Absent.Reason != attest.NotConfigured || !strings.Contains(part.Absent.Detail, "logs.entries")):
			t.Errorf("%+v: %d bytes, %+v", c.bank, len(part.Bytes), part.Absent)
		case c.keep != nil && bytes.Contains(part.Bytes, []byte("program-")):
			t.Errorf("%+v: what is to be hidden is sent", c.bank)
		}
	}
}
