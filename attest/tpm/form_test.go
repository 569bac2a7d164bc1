package tpm_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

func TestParseAKRefusesEveryReservedAttribute(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 32 {
		var a tpm2.TPMAObject
		if !reserved(&a, bit) {
			continue
		}
		b := akPublic(&key.PublicKey, func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) { p.ObjectAttributes.SetReservedBit(bit, true) })
		if _, err := tpm.ParseAK(b); len(tpm.Violations(err)) != 1 {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
}

// reserved asks the library which bits it has no name for: setting one of the others panics or is lost.
func reserved(a *tpm2.TPMAObject, bit int) (is bool) {
	defer func() { is = recover() == nil && is }()
	a.SetReservedBit(bit, true)
	return a.GetReservedBit(bit) && !slices.Contains([]int{1, 2, 4, 5, 6, 7, 8, 10, 11, 16, 17, 18, 19}, bit)
}

// The same 64 bytes cut in another place are another encoding of the same point.
func TestParseAKRefusesCoordinatesOfOtherLengths(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{32, 34, 1, 65} {
		b := akPublic(&key.PublicKey, func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) {
			p.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{X: tpm2.TPM2BECCParameter{Buffer: raw[1:cut]}, Y: tpm2.TPM2BECCParameter{Buffer: raw[cut:]}})
		})
		if _, err := tpm.ParseAK(b); !errors.Is(err, tpm.ErrForm) {
			t.Errorf("X of %d bytes: %v", cut-1, err)
		}
	}
}

func TestWellFormedStructuresOverTheirLimitAreRefused(t *testing.T) {
	big := make([]byte, 1100)
	for name, c := range map[string]struct {
		b     []byte
		parse func([]byte) (any, error)
	}{
		"attest": {tpm2.Marshal(tpm2.TPMSAttest{Magic: tpm2.TPMGeneratedValue, Type: tpm2.TPMSTAttestTime, ExtraData: tpm2.TPM2BData{Buffer: big},
			Attested: tpm2.NewTPMUAttest(tpm2.TPMSTAttestTime, &tpm2.TPMSTimeAttestInfo{})}), func(b []byte) (any, error) { return tpm.ParseAttest(b) }},
		"signature": {tpm2.Marshal(tpm2.TPMTSignature{SigAlg: tpm2.TPMAlgRSASSA, Signature: tpm2.NewTPMUSignature(tpm2.TPMAlgRSASSA,
			&tpm2.TPMSSignatureRSA{Hash: tpm2.TPMAlgSHA256, Sig: tpm2.TPM2BPublicKeyRSA{Buffer: big}})}), func(b []byte) (any, error) { return tpm.ParseSignature(b) }},
		"public": {akPublic(&newSoftKey(t).key.PublicKey, func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) { p.AuthPolicy.Buffer = big }), func(b []byte) (any, error) { return tpm.ParsePublic(b) }},
		"creation data": {tpm2.Marshal(tpm2.TPMSCreationData{ParentNameAlg: tpm2.TPMAlgNull, OutsideInfo: tpm2.TPM2BData{Buffer: big}}),
			func(b []byte) (any, error) { return tpm.ParseCreationData(b) }},
	} {
		if _, err := c.parse(c.b); !errors.Is(err, tpm.ErrForm) || !strings.Contains(err.Error(), "limit") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := c.parse(nil); !errors.Is(err, tpm.ErrForm) {
			t.Errorf("no %s: %v", name, err)
		}
	}
}

func TestQuoteIsHeldAgainstItsLimits(t *testing.T) {
	good := newSoftKey(t).quote(t, qualifying(1), nil)
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*tpm.Quote){
		"no attest":        func(q *tpm.Quote) { q.Attest = nil },
		"longer attest":    func(q *tpm.Quote) { q.Attest = make([]byte, tpm.MaxAttest+1) },
		"no signature":     func(q *tpm.Quote) { q.Signature = nil },
		"longer signature": func(q *tpm.Quote) { q.Signature = make([]byte, tpm.MaxSignature+1) },
		"no value":         func(q *tpm.Quote) { q.PCRs = nil },
		"PCR 24":           func(q *tpm.Quote) { q.PCRs[24] = make([]byte, 32) },
		"empty value":      func(q *tpm.Quote) { q.PCRs[3] = nil },
		"longer value":     func(q *tpm.Quote) { q.PCRs[3] = make([]byte, tpm.MaxDigest+1) },
	} {
		q := good
		q.PCRs = maps.Clone(good.PCRs)
		change(&q)
		if q.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestPCRValuesOfWhatIsNoWholeQuoteAreRefused(t *testing.T) {
	k := newSoftKey(t)
	for want, change := range map[error]func(*tpm2.TPMSAttest, *tpm2.TPMSQuoteInfo, *tpm.Quote){
		tpm.ErrSelection: func(_ *tpm2.TPMSAttest, i *tpm2.TPMSQuoteInfo, _ *tpm.Quote) {
			i.PCRSelect.PCRSelections[0].PCRSelect = make([]byte, 3)
		},
		tpm.ErrType: func(a *tpm2.TPMSAttest, _ *tpm2.TPMSQuoteInfo, _ *tpm.Quote) {
			a.Type, a.Attested = tpm2.TPMSTAttestTime, tpm2.NewTPMUAttest(tpm2.TPMSTAttestTime, &tpm2.TPMSTimeAttestInfo{})
		},
	} {
		x, err := tpm.ParseQuoted(k.quote(t, qualifying(1), change))
		if err != nil {
			t.Fatal(err)
		}
		if err := x.CheckPCRValues(); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		if err := x.CheckSelection([]uint{0}); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

func TestSignatureOfAnotherFormIsRefused(t *testing.T) {
	k := newSoftKey(t)
	message := []byte("x")
	good, err := tpm.ParseSignature(k.sign(t, message, tpm2.TPMAlgSHA256))
	if err != nil {
		t.Fatal(err)
	}
	e, err := good.Signature.ECDSA()
	if err != nil {
		t.Fatal(err)
	}
	padded := func(r, s int) []byte {
		pad := func(b []byte, n int) []byte { return append(make([]byte, max(0, n-len(b))), b...) }
		return tpm2.Marshal(tpm2.TPMTSignature{SigAlg: tpm2.TPMAlgECDSA, Signature: tpm2.NewTPMUSignature(tpm2.TPMAlgECDSA, &tpm2.TPMSSignatureECC{Hash: tpm2.TPMAlgSHA256,
			SignatureR: tpm2.TPM2BECCParameter{Buffer: pad(e.SignatureR.Buffer, r)}, SignatureS: tpm2.TPM2BECCParameter{Buffer: pad(e.SignatureS.Buffer, s)}})})
	}
	if err := k.ak.Verify(message, padded(32, 32)); err != nil {
		t.Error(err)
	}
	for _, b := range [][]byte{padded(33, 32), padded(32, 33)} {
		if err := k.ak.Verify(message, b); !errors.Is(err, tpm.ErrSignature) {
			t.Errorf("33 bytes: %v", err)
		}
	}
	if err := k.ak.Verify(message, []byte{1}); !errors.Is(err, tpm.ErrForm) {
		t.Errorf("no signature: %v", err)
	}
	if err := k.ak.Verify([]byte("y"), padded(32, 32)); !errors.Is(err, tpm.ErrSignature) {
		t.Errorf("another message: %v", err)
	}
}

func TestClaimsRefuseHostileTextEverywhere(t *testing.T) {
	for name, change := range map[string]func(*tpm.Claims){
		"how":          func(c *tpm.Claims) { c.How = "a\x1b" },
		"no how":       func(c *tpm.Claims) { c.How = "" },
		"device":       func(c *tpm.Claims) { c.Device = strings.Repeat("x", attest.MaxText+1) },
		"manufacturer": func(c *tpm.Claims) { c.Manufacturer = "a\nb" },
		"vendor":       func(c *tpm.Claims) { c.Vendor = "\xff" },
		"longer AK":    func(c *tpm.Claims) { c.AK = make([]byte, tpm.MaxPublic+1) },
	} {
		c := exampleClaims(t)
		change(c)
		if c.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestClaimsInAnotherEncodingAreRefused(t *testing.T) {
	b, err := attest.Marshal(exampleClaims(t))
	if err != nil {
		t.Fatal(err)
	}
	bank := append([]byte{0x64}, "bank"...)
	long := bytes.Replace(b, append(bytes.Clone(bank), byte(tpm.SHA256)), append(bytes.Clone(bank), 0x18, byte(tpm.SHA256)), 1)
	if bytes.Equal(long, b) {
		t.Fatal("the test changes nothing")
	}
	if _, err := tpm.Parse(long); !errors.Is(err, attest.ErrNotCanonical) {
		t.Errorf("got %v", err)
	}
}
