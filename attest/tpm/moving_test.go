package tpm_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// moving extends a PCR before each of the next commands of one code, as a kernel does whenever a file is opened.
type moving struct {
	transport.TPM
	pcr  uint
	left map[tpm2.TPMCC]int
	sent map[tpm2.TPMCC]int
}

func newMoving(t transport.TPM, pcr uint) *moving {
	return &moving{t, pcr, map[tpm2.TPMCC]int{}, map[tpm2.TPMCC]int{}}
}

func (m *moving) Send(b []byte) ([]byte, error) {
	cc := tpm2.TPMCC(binary.BigEndian.Uint32(b[6:10]))
	m.sent[cc]++
	if m.left[cc] > 0 {
		m.left[cc]--
		h := tpm2.TPMHandle(m.pcr)
		_, err := tpm2.PCRExtend{
			PCRHandle: tpm2.AuthHandle{Handle: h, Name: tpm2.HandleName(h), Auth: tpm2.PasswordAuth(nil)},
			Digests:   tpm2.TPMLDigestValues{Digests: []tpm2.TPMTHA{{HashAlg: tpm2.TPMAlgSHA256, Digest: bytes.Repeat([]byte{9}, 32)}}},
		}.Execute(m.TPM)
		if err != nil {
			return nil, err
		}
	}
	return m.TPM.Send(b)
}

func TestQuoteOfAMovedRegisterIsMendedByReadingAgain(t *testing.T) {
	m := newMoving(dial(t, sharedTPM(t)), 10)
	d := open(t, m)
	m.left[tpm2.TPMCCQuote] = 1
	q, err := d.Quote(within(t, 5*time.Second), qualifying(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tpm.CheckQuote(d.AK(), q, qualifying(1), tpm.Selection()); err != nil {
		t.Error(err)
	}
	if n := m.sent[tpm2.TPMCCQuote]; n != 1 {
		t.Errorf("%d quotes, but another reading was enough", n)
	}
}

func TestQuoteIsRepeatedTwiceWhilePCRsMove(t *testing.T) {
	m := newMoving(dial(t, sharedTPM(t)), 10)
	d := open(t, m)
	m.left[tpm2.TPMCCQuote], m.left[tpm2.TPMCCPCRRead] = 2, 1+4*2 // before and after each of two quotes, two calls a reading
	q, err := d.Quote(within(t, 5*time.Second), qualifying(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tpm.CheckQuote(d.AK(), q, qualifying(1), tpm.Selection()); err != nil {
		t.Error(err)
	}
	if n := m.sent[tpm2.TPMCCQuote]; n != 3 {
		t.Errorf("%d quotes, want the third to be the one", n)
	}
	m.left[tpm2.TPMCCQuote], m.left[tpm2.TPMCCPCRRead] = 100, 100
	_, err = d.Quote(within(t, 5*time.Second), qualifying(1))
	if !errors.Is(err, tpm.ErrPCRMoving) || !strings.Contains(err.Error(), "[10]") {
		t.Errorf("PCRs that never rest: %v", err)
	}
}

func TestQuoteWithAListBesideItIsGivenWhileRegister10MovesAndNoOther(t *testing.T) {
	for _, pcr := range []uint{10, 12} {
		m := newMoving(dial(t, ownTPM(t)), pcr)
		d, err := tpm.NewDevice(within(t, 5*time.Second), m, tpm.Options{Moving: true})
		if err != nil {
			t.Fatal(err)
		}
		m.left[tpm2.TPMCCQuote], m.left[tpm2.TPMCCPCRRead] = 100, 100
		q, err := d.Quote(within(t, 5*time.Second), qualifying(1))
		if pcr != 10 {
			if !errors.Is(err, tpm.ErrPCRMoving) {
				t.Errorf("register %d moves, for which there is no list: %v", pcr, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tpm.CheckQuote(d.AK(), q, qualifying(1), tpm.Selection()); !errors.Is(err, tpm.ErrPCRDigest) {
			t.Errorf("values that the quote does not confirm: %v", err)
		}
		mendable(t, d, q)
	}
}

// mendable extends register 10 of the evidence on until it gives the quoted digest, as an IMA list's replay does.
func mendable(t *testing.T, d *tpm.Device, q tpm.Quote) {
	t.Helper()
	for range 10 {
		q.PCRs[10] = extended(q.PCRs[10], bytes.Repeat([]byte{9}, 32))
		if _, err := tpm.CheckQuote(d.AK(), q, qualifying(1), tpm.Selection()); err == nil {
			return
		}
	}
	t.Error("no continuation of register 10 gives the quoted digest")
}

func TestExtendedRegisterReadsAsTheExtensionInEveryActiveBank(t *testing.T) {
	d := open(t, dial(t, ownTPM(t)))
	ctx := within(t, 5*time.Second)
	banks, err := d.ActiveBanks(ctx, 13)
	if err != nil || !slices.Equal(banks, []uint16{tpm.SHA256, tpm.SHA384}) {
		t.Fatalf("banks %#x, %v", banks, err)
	}
	digests := map[uint16][]byte{tpm.SHA256: bytes.Repeat([]byte{1}, 32), tpm.SHA384: bytes.Repeat([]byte{2}, 48)}
	before, err := d.ReadPCR(ctx, 13)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ExtendPCR(ctx, 13, digests); err != nil {
		t.Fatal(err)
	}
	after, err := d.ReadPCR(ctx, 13)
	if err != nil {
		t.Fatal(err)
	}
	for _, bank := range banks {
		if want := extended(before[bank], digests[bank]); !bytes.Equal(after[bank], want) {
			t.Errorf("bank %#x: %x, want %x", bank, after[bank], want)
		}
	}
	q, err := d.Quote(ctx, qualifying(1))
	if err != nil || !bytes.Equal(q.PCRs[13], after[tpm.SHA256]) {
		t.Errorf("quoted %x, read %x: %v", q.PCRs[13], after[tpm.SHA256], err)
	}
}

func TestExtendRefusesRegistersOfOthersAndDigestsThatDoNotFit(t *testing.T) {
	c := newMoving(dial(t, sharedTPM(t)), 0)
	d := open(t, c)
	ctx := within(t, 5*time.Second)
	both := map[uint16][]byte{tpm.SHA256: make([]byte, 32), tpm.SHA384: make([]byte, 48)}
	for pcr, want := range map[uint]string{0: "firmware", 7: "firmware", 10: "IMA", 17: "dynamic launch", 22: "dynamic launch", 24: "does not exist"} {
		if err := d.ExtendPCR(ctx, pcr, both); !errors.Is(err, tpm.ErrReserved) || !strings.Contains(err.Error(), want) {
			t.Errorf("PCR %d: %v", pcr, err)
		}
	}
	for name, digests := range map[string]map[uint16][]byte{
		"none":          nil,
		"bank left out": {tpm.SHA256: make([]byte, 32)},
		"inactive bank": {4: make([]byte, 20), tpm.SHA256: make([]byte, 32), tpm.SHA384: make([]byte, 48)},
		"short":         {tpm.SHA256: make([]byte, 31), tpm.SHA384: make([]byte, 48)},
		"swapped":       {tpm.SHA256: make([]byte, 48), tpm.SHA384: make([]byte, 32)},
	} {
		if err := d.ExtendPCR(ctx, 13, digests); !errors.Is(err, tpm.ErrBanks) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := c.sent[tpm2.TPMCCPCRExtend]; n != 0 {
		t.Errorf("%d extensions reached the TPM", n)
	}
}

// extended is new = H(old || digest), H the bank's hash by its size.
func extended(old, digest []byte) []byte {
	h := tpm2.TPMAlgSHA256
	if len(old) == 48 {
		h = tpm2.TPMAlgSHA384
	}
	hash, _ := h.Hash()
	w := hash.New()
	w.Write(old)
	w.Write(digest)
	return w.Sum(nil)
}

// Whoever has other work for the processors begins it when the TPM begins to sign: not while the quote is still prepared, and not after.
func TestQuoteTellsWhenTheCommandGoesOut(t *testing.T) {
	m := newMoving(dial(t, sharedTPM(t)), 10)
	d := open(t, m)
	m.left[tpm2.TPMCCQuote] = 2 // so that it reads and quotes again
	told := 0
	ctx := tpm.WithSigning(within(t, 5*time.Second), func() {
		told++
		if m.sent[tpm2.TPMCCPCRRead] == 0 || m.sent[tpm2.TPMCCQuote] != 0 {
			t.Errorf("told after %d readings and %d quotes", m.sent[tpm2.TPMCCPCRRead], m.sent[tpm2.TPMCCQuote])
		}
	})
	if _, err := d.Quote(ctx, qualifying(1)); err != nil || told != 1 {
		t.Errorf("told %d times, %v", told, err)
	}
}
