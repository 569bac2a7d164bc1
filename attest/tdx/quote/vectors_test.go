package quote_test

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/google/go-tdx-guest/abi"
	"github.com/google/go-tdx-guest/pcs"

	"github.com/hallmark-attest/hallmark/attest/tdx/internal/vectors"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

// captured are quotes of real machines, with what is known of them. All their signatures verify.
var captured = []struct {
	file       string
	version    uint16
	attributes quote.Attributes
	fmspc      string
	svn        [3]byte // the first of TEE_TCB_SVN
	tail       int     // bytes behind the signed data
	refused    bool    // because they are not zero
}{
	{"google-tdx_prod_quote_SPR_E4.dat", 4, quote.PKS, "50806f000000", [3]byte{3, 0, 4}, 39, true},
	{"google-cos-113-tdx-quote.dat", 4, quote.SEPTVEDisable, "00806f050000", [3]byte{4, 1, 7}, 3065, false},
	{"google-quote_v5_sample.dat", 5, quote.SEPTVEDisable, "90c06f000000", [3]byte{11, 1, 4}, 0, false},
	{"phala-tdx_quote.v4.bin", 4, quote.SEPTVEDisable, "b0c06f000000", [3]byte{6, 1, 3}, 70, false},
	{"phala-tdx_quote_outdated.bin", 5, quote.SEPTVEDisable, "90c06f000000", [3]byte{7, 1, 3}, 0, false},
	{"dstack-verifier-quote-report.quote.bin", 4, quote.SEPTVEDisable, "90c06f000000", [3]byte{11, 1, 4}, 70, false},
	{"trustee-tdx_quote_4.dat", 4, quote.Debug | quote.SEPTVEDisable, "50806f000000", [3]byte{3, 0, 5}, 0, false},
}

// at is the day the notes were taken: every PCK certificate among them is valid.
var at = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// roots are Intel's and the simulator's.
func roots(t testing.TB) *x509.CertPool {
	t.Helper()
	pool, err := quote.IntelRoots()
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(authority(t).Root())
	return pool
}

func authority(t testing.TB) *tdx.Authority {
	t.Helper()
	a, err := tdx.NewAuthority("quote", at)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// canonical gives quotes cut to their length: first two synthetic ones of version 4 and 5, then the captured ones where they are.
func canonical(t testing.TB) (out [][]byte) {
	t.Helper()
	p, err := authority(t).Platform(tdx.PlatformOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []uint16{4, 5} {
		m := tdx.Defaults()
		m.Version = version
		out = append(out, p.NewTD(m).Quote([64]byte{1, 2, 3}))
	}
	for _, c := range captured {
		if raw, ok := vectors.Try(c.file); ok {
			n, err := quote.Length(raw)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, raw[:n])
		}
	}
	return out
}

func TestCapturedQuotes(t *testing.T) {
	for _, c := range captured {
		t.Run(c.file, func(t *testing.T) {
			raw := vectors.Read(t, c.file)
			if _, err := quote.Parse(raw); c.refused != errors.Is(err, quote.ErrTail) {
				t.Fatal(err)
			}
			n, err := quote.Length(raw)
			if err != nil || n != len(raw)-c.tail {
				t.Fatal(n, err)
			}
			q, err := quote.Parse(raw[:n])
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(q.Canonical(), raw[:n]) {
				t.Error("the canonical quote is not the front of the raw one")
			}
			if q.Version != c.version || q.Body.HasTDX15 != (c.version == 5) || q.Body.Attributes != c.attributes || [3]byte(q.Body.TeeTCBSVN[:]) != c.svn {
				t.Errorf("%d %v %v", q.Version, q.Body.Attributes, q.Body.TeeTCBSVN)
			}
			p, err := q.CheckSignature(roots(t), at)
			if err != nil {
				t.Fatal(err)
			}
			if hex.EncodeToString(p.FMSPC[:]) != c.fmspc || p.SGXType != quote.Scalable {
				t.Errorf("FMSPC %x, type %d", p.FMSPC, p.SGXType)
			}
			againstLibrary(t, q, p)
		})
	}
}

// againstLibrary: what we read is what go-tdx-guest reads.
func againstLibrary(t *testing.T, q *quote.Quote, p *quote.Platform) {
	t.Helper()
	ext, err := pcs.PckCertificateExtensions(p.PCK)
	if err != nil {
		t.Fatal(err)
	}
	if ext.FMSPC != hex.EncodeToString(p.FMSPC[:]) || ext.PCEID != hex.EncodeToString(p.PCEID[:]) ||
		ext.TCB.PCESvn != p.PCESVN || !bytes.Equal(ext.TCB.CPUSvnComponents, p.CPUSVN[:]) {
		t.Errorf("library: %+v", ext)
	}
	ppid, err := hex.DecodeString(ext.PPID)
	if err != nil || quote.PPIDHash([16]byte(ppid)) != p.PPIDHash {
		t.Error("PPID", err)
	}
	read, err := abi.QuoteToProto(q.Canonical())
	if err != nil {
		t.Fatal(err)
	}
	body := bodyOf(read)
	b := q.Body
	for i, pair := range [][2][]byte{
		{body.GetTeeTcbSvn(), b.TeeTCBSVN[:]}, {body.GetMrSeam(), b.MRSEAM[:]}, {body.GetMrSignerSeam(), b.MRSIGNERSEAM[:]},
		{body.GetSeamAttributes(), b.SEAMAttributes[:]}, {body.GetMrTd(), b.MRTD[:]}, {body.GetMrConfigId(), b.MRCONFIGID[:]},
		{body.GetMrOwner(), b.MROWNER[:]}, {body.GetMrOwnerConfig(), b.MROWNERCONFIG[:]}, {body.GetReportData(), b.ReportData[:]},
		{body.GetRtmrs()[0], b.RTMR[0][:]}, {body.GetRtmrs()[3], b.RTMR[3][:]},
		{body.GetTdAttributes(), le64(uint64(b.Attributes))}, {body.GetXfam(), le64(b.XFAM)},
	} {
		if !bytes.Equal(pair[0], pair[1]) {
			t.Errorf("field %d: %x, library %x", i, pair[1], pair[0])
		}
	}
}
