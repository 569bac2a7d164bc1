package agent

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
)

// quotedAfter has a software TPM measure a list and returns a genuine quote over it.
func quotedAfter(t *testing.T, list []byte) tpm.Quote {
	t.Helper()
	return quotedOver(t, func(s *swtpm.TPM) error { return s.Measure(nil, list) })
}

// quotedOver returns a genuine quote of a software TPM that something was measured into.
func quotedOver(t *testing.T, measure func(*swtpm.TPM) error) tpm.Quote {
	t.Helper()
	if err := swtpm.Available(); err != nil {
		t.Skip("SKIPPED, no quote was mended:", err)
	}
	s, err := swtpm.Start(t.TempDir(), swtpm.Options{WithoutCertificates: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	if err := measure(s); err != nil {
		t.Fatal(err)
	}
	c, err := linuxudstpm.Open(s.Socket())
	if err != nil {
		t.Fatal(err)
	}
	d, err := tpm.NewDevice(t.Context(), c, tpm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	q, err := d.Quote(t.Context(), attest.Digest{1})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestMovedRegisterIsMendedFromTheListAndNoOtherIs(t *testing.T) {
	raw := imaList(30)
	list, err := ima.NewReplay(ima.Bank{Alg: ima.SHA256}).Continue(raw)
	if err != nil {
		t.Fatal(err)
	}
	honest := quotedAfter(t, raw[:list.Entries[19].End]) // the list went on since
	for _, stale := range []int{0, 18, 19, 20, 31} {
		q := honest
		q.PCRs = maps.Clone(honest.PCRs)
		q.PCRs[ima.PCR] = list.At(stale).Register
		if err := mendIMA(t.Context(), memoryLog(raw), &q); err != nil || !bytes.Equal(q.PCRs[ima.PCR], honest.PCRs[ima.PCR]) {
			t.Errorf("read after %d entries: %x, %v", stale, q.PCRs[ima.PCR], err)
		}
	}
	other := honest
	other.PCRs = maps.Clone(honest.PCRs)
	other.PCRs[9] = make([]byte, 32)
	other.PCRs[9][0] = 1
	if err := mendIMA(t.Context(), memoryLog(raw), &other); !errors.Is(err, tpm.ErrPCRMoving) {
		t.Errorf("another register: %v", err)
	}
	short := honest
	short.PCRs = maps.Clone(honest.PCRs)
	short.PCRs[ima.PCR] = make([]byte, 32)
	if err := mendIMA(t.Context(), memoryLog(raw[:list.Entries[10].End]), &short); !errors.Is(err, tpm.ErrPCRMoving) {
		t.Errorf("a list that ends before the quote: %v", err)
	}
	if err := mendIMA(t.Context(), FileLog("/nonexistent"), &short); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("no list: %v", err)
	}
}

func TestQuotedRegisterIsFoundInListsOfManyParts(t *testing.T) {
	raw := bytes.Repeat(imaList(0), ima.MaxEntries+10)
	state := ima.NewReplay(ima.Bank{Alg: ima.SHA256})
	for range 2 { // a part has a limit
		l, _ := state.Continue(raw[state.Bytes:])
		state = l.At(len(l.Entries))
	}
	if state.Bytes != uint64(len(raw)) {
		t.Fatalf("%d of %d bytes", state.Bytes, len(raw))
	}
	got, ok := quotedRegister(ima.Bank{Alg: ima.SHA256}, raw, func(r []byte) bool { return bytes.Equal(r, state.Register) })
	if !ok || !bytes.Equal(got, state.Register) {
		t.Error("not found")
	}
}

// staleTPM returns one genuine quote with an older register 10.
type staleTPM struct {
	*fakeTPM
	quote tpm.Quote
}

func (s staleTPM) Quote(context.Context, attest.Digest) (any, error) { return s.quote, nil }

// Kernels before 5.8 extend padded SHA-1 into every bank, where no hidden entry replays. What is sent must not spoil what is quoted.
func TestMovedRegisterIsMendedWhateverIsHidden(t *testing.T) {
	raw := imaList(5)
	padded := ima.Bank{Alg: ima.SHA256, Padded: true}
	list, err := ima.NewReplay(padded).Continue(raw)
	if err != nil {
		t.Fatal(err)
	}
	honest := quotedOver(t, func(s *swtpm.TPM) error {
		c, err := linuxudstpm.Open(s.Socket())
		if err != nil {
			return err
		}
		defer c.Close()
		start := 0
		for _, e := range list.Entries {
			hash := make([]byte, 32)
			copy(hash, raw[start+4:start+24])
			start = e.End
			h := tpm2.TPMHandle(ima.PCR)
			if _, err := (tpm2.PCRExtend{PCRHandle: tpm2.AuthHandle{Handle: h, Name: tpm2.HandleName(h), Auth: tpm2.PasswordAuth(nil)},
				Digests: tpm2.TPMLDigestValues{Digests: []tpm2.TPMTHA{{HashAlg: tpm2.TPMAlgSHA256, Digest: hash}}}}).Execute(c); err != nil {
				return err
			}
		}
		return nil
	})
	stale := honest
	stale.PCRs = maps.Clone(honest.PCRs)
	stale.PCRs[ima.PCR] = list.At(2).Register
	n := startNode(t, nodeOptions{openTPM: func(context.Context) (TPM, error) { return staleTPM{newFakeTPM(t), stale}, nil },
		logs: map[string]LogReader{attest.LogIMA: memoryLog(raw)}, related: none})
	_, held, err := n.collector.root()
	if err != nil {
		t.Fatal(err)
	}
	b, err := n.collector.quote(t.Context(), held, &attest.Bound{}, attest.Digest{})
	if err != nil {
		t.Fatal(err)
	}
	var roots map[attest.Kind]tpm.Quote
	if err := attest.Unmarshal(b, &roots, attest.MaxEvidenceSize); err != nil {
		t.Fatal(err)
	}
	if got := roots[attest.KindTPM].PCRs[ima.PCR]; !bytes.Equal(got, honest.PCRs[ima.PCR]) {
		t.Errorf("register 10 is %x, quoted %x", got, honest.PCRs[ima.PCR])
	}
}
