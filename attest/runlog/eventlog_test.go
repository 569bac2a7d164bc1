package runlog_test

import (
	"bytes"
	"crypto"
	"testing"

	"github.com/google/go-eventlog/cel"
	tcg "github.com/google/go-eventlog/register"

	"github.com/hallmark-attest/hallmark/attest/runlog"
)

// Somebody else's decoder reads what we write and comes to the same register.
func TestGoEventlogReplaysOurLog(t *testing.T) {
	r := newRegister(runlog.SHA1, runlog.SHA256, runlog.SHA384, runlog.SHA512)
	o := options(t, r, 1)
	fill(t, open(t, o))
	log, err := cel.DecodeToCEL(bytes.NewBuffer(file(t, o.Path)))
	if err != nil {
		t.Fatal(err)
	}
	ours := replay(t, runlog.SHA256, file(t, o.Path))
	if len(log.Records()) != 3 || log.MRType() != cel.PCRType {
		t.Fatalf("%d records of type %d", len(log.Records()), log.MRType())
	}
	for i, rec := range log.Records() {
		mine := ours.Records[i]
		if rec.RecNum != uint64(i) || rec.Index != 13 || rec.Content.Type != runlog.ContentType || len(rec.Digests) != 4 {
			t.Errorf("record %d: %+v", i, rec)
		}
		if !bytes.Equal(rec.Digests[crypto.SHA256], mine.Digests[runlog.SHA256]) {
			t.Errorf("record %d: digests differ", i)
		}
		if err := cel.VerifyDigests(content{rec.Content}, rec.Digests); err != nil {
			t.Errorf("record %d: %v", i, err)
		}
	}
	for bank, h := range hashes {
		if err := log.Replay(oneRegister(h, r.banks[bank])); err != nil {
			t.Errorf("bank %#x: %v", bank, err)
		}
	}
	if err := log.Replay(oneRegister(crypto.SHA256, make([]byte, 32))); err == nil {
		t.Error("go-eventlog accepts any register: this test shows nothing")
	}
}

func oneRegister(h crypto.Hash, value []byte) tcg.FakeMRBank {
	return tcg.FakeMRBank{Hash: h, FakeMRs: []tcg.FakeMR{{Index: 13, Digest: value, DigestAlg: h}}}
}

// content digests the whole TLV, as go-eventlog's own content types do.
type content struct{ tlv cel.TLV }

func (c content) TLV() (cel.TLV, error) { return c.tlv, nil }

func (c content) GenerateDigest(h crypto.Hash) ([]byte, error) {
	b, err := c.tlv.MarshalBinary()
	if err != nil {
		return nil, err
	}
	w := h.New()
	w.Write(b)
	return w.Sum(nil), nil
}
