package tpm_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// A soft key signs what a TPM would refuse to sign, so every check can be reached alone. Keys and structures are
// made with the library's own marshalling.
type softKey struct {
	key *ecdsa.PrivateKey
	ak  *tpm.AK
}

func akPublic(key *ecdsa.PublicKey, change func(*tpm2.TPMTPublic, *tpm2.TPMSECCParms)) []byte {
	raw, err := key.Bytes()
	if err != nil {
		panic(err)
	}
	parms := &tpm2.TPMSECCParms{
		Scheme: tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUAsymScheme(
			tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256})},
		CurveID: tpm2.TPMECCNistP256,
	}
	p := tpm2.TPMTPublic{
		Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true,
			UserWithAuth: true, NoDA: true, Restricted: true, SignEncrypt: true},
		Unique: tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{
			X: tpm2.TPM2BECCParameter{Buffer: raw[1:33]}, Y: tpm2.TPM2BECCParameter{Buffer: raw[33:]}}),
	}
	if change != nil {
		change(&p, parms)
	}
	p.Parameters = tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, parms)
	return tpm2.Marshal(p)
}

func newSoftKey(t testing.TB) *softKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ak, err := tpm.ParseAK(akPublic(&key.PublicKey, nil))
	if err != nil {
		t.Fatal(err)
	}
	return &softKey{key, ak}
}

// quote makes a quote that passes, but for what change does to the structure before signing.
func (k *softKey) quote(t testing.TB, q [32]byte, change func(*tpm2.TPMSAttest, *tpm2.TPMSQuoteInfo, *tpm.Quote)) tpm.Quote {
	t.Helper()
	out := tpm.Quote{Bank: tpm.SHA256, PCRs: map[uint][]byte{}}
	for _, i := range tpm.Selection() {
		out.PCRs[i] = bytes.Repeat([]byte{byte(i)}, 32)
	}
	info := &tpm2.TPMSQuoteInfo{
		PCRSelect: tpm2.TPMLPCRSelection{PCRSelections: []tpm2.TPMSPCRSelection{
			{Hash: tpm2.TPMAlgSHA256, PCRSelect: tpm2.PCClientCompatible.PCRs(tpm.Selection()...)}}},
		PCRDigest: tpm2.TPM2BDigest{Buffer: tpm.PCRDigest(out.PCRs)},
	}
	a := &tpm2.TPMSAttest{
		Magic: tpm2.TPMGeneratedValue, Type: tpm2.TPMSTAttestQuote,
		QualifiedSigner: tpm2.TPM2BName{Buffer: k.ak.QualifiedName()}, ExtraData: tpm2.TPM2BData{Buffer: q[:]},
		ClockInfo: tpm2.TPMSClockInfo{Clock: 12345, ResetCount: 6, RestartCount: 7, Safe: true}, FirmwareVersion: 8,
		Attested: tpm2.NewTPMUAttest(tpm2.TPMSTAttestQuote, info),
	}
	if change != nil {
		change(a, info, &out)
	}
	out.Attest = tpm2.Marshal(a)
	out.Signature = k.sign(t, out.Attest, tpm2.TPMAlgSHA256)
	return out
}

func (k *softKey) sign(t testing.TB, b []byte, hash tpm2.TPMAlgID) []byte {
	t.Helper()
	digest := sha256.Sum256(b)
	r, s, err := ecdsa.Sign(rand.Reader, k.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return tpm2.Marshal(tpm2.TPMTSignature{SigAlg: tpm2.TPMAlgECDSA, Signature: tpm2.NewTPMUSignature(tpm2.TPMAlgECDSA, &tpm2.TPMSSignatureECC{
		Hash: hash, SignatureR: tpm2.TPM2BECCParameter{Buffer: r.Bytes()}, SignatureS: tpm2.TPM2BECCParameter{Buffer: s.Bytes()}})})
}

func TestCheckQuoteAcceptsAndReadsAGoodQuote(t *testing.T) {
	k := newSoftKey(t)
	info, err := tpm.CheckQuote(k.ak, k.quote(t, qualifying(1), nil), qualifying(1), tpm.Selection())
	if err != nil {
		t.Fatal(err)
	}
	want := tpm.ClockInfo{ClockMillis: 12345, ResetCount: 6, RestartCount: 7, Safe: true}
	if info.Clock != want || info.FirmwareVersion != 8 || !bytes.Equal(info.QualifiedSigner, k.ak.QualifiedName()) {
		t.Errorf("info %+v", info)
	}
}

func TestCheckQuoteRefusesWithTheReason(t *testing.T) {
	k, other := newSoftKey(t), newSoftKey(t)
	sel := func(i *tpm2.TPMSQuoteInfo) *tpm2.TPMSPCRSelection { return &i.PCRSelect.PCRSelections[0] }
	for name, c := range map[string]struct {
		want   error
		change func(*tpm2.TPMSAttest, *tpm2.TPMSQuoteInfo, *tpm.Quote)
		after  func(*tpm.Quote)
	}{
		"magic": {tpm.ErrMagic, func(a *tpm2.TPMSAttest, _ *tpm2.TPMSQuoteInfo, _ *tpm.Quote) { a.Magic = 0x12345678 }, nil},
		"a time attestation": {tpm.ErrType, func(a *tpm2.TPMSAttest, _ *tpm2.TPMSQuoteInfo, _ *tpm.Quote) {
			a.Type, a.Attested = tpm2.TPMSTAttestTime, tpm2.NewTPMUAttest(tpm2.TPMSTAttestTime, &tpm2.TPMSTimeAttestInfo{})
		}, nil},
		"other qualifying data": {tpm.ErrExtraData, func(a *tpm2.TPMSAttest, _ *tpm2.TPMSQuoteInfo, _ *tpm.Quote) { a.ExtraData.Buffer[31] ^= 1 }, nil},
		"short qualifying data": {tpm.ErrExtraData, func(a *tpm2.TPMSAttest, _ *tpm2.TPMSQuoteInfo, _ *tpm.Quote) {
			a.ExtraData.Buffer = a.ExtraData.Buffer[:31]
		}, nil},
		"owner hierarchy": {tpm.ErrSigner, func(a *tpm2.TPMSAttest, _ *tpm2.TPMSQuoteInfo, _ *tpm.Quote) {
			h := sha256.Sum256(append(binary.BigEndian.AppendUint32(nil, uint32(tpm2.TPMRHOwner)), k.ak.Name()...))
			a.QualifiedSigner.Buffer = append([]byte{0, 0x0b}, h[:]...)
		}, nil},
		"two banks": {tpm.ErrBank, func(_ *tpm2.TPMSAttest, i *tpm2.TPMSQuoteInfo, _ *tpm.Quote) {
			i.PCRSelect.PCRSelections = append(i.PCRSelect.PCRSelections, i.PCRSelect.PCRSelections[0])
		}, nil},
		"no bank": {tpm.ErrBank, func(_ *tpm2.TPMSAttest, i *tpm2.TPMSQuoteInfo, _ *tpm.Quote) { i.PCRSelect.PCRSelections = nil }, nil},
		"SHA-1 bank": {tpm.ErrBank, func(_ *tpm2.TPMSAttest, i *tpm2.TPMSQuoteInfo, q *tpm.Quote) {
			sel(i).Hash, q.Bank = tpm2.TPMAlgSHA1, uint16(tpm2.TPMAlgSHA1)
		}, nil},
		"another bank than stated": {tpm.ErrBank, func(_ *tpm2.TPMSAttest, i *tpm2.TPMSQuoteInfo, _ *tpm.Quote) { sel(i).Hash = tpm2.TPMAlgSHA384 }, nil},
		"empty selection": {tpm.ErrSelection, func(_ *tpm2.TPMSAttest, i *tpm2.TPMSQuoteInfo, _ *tpm.Quote) {
			sel(i).PCRSelect = make([]byte, 3)
		}, nil},
		"PCR 7 not selected": {tpm.ErrSelection, func(_ *tpm2.TPMSAttest, i *tpm2.TPMSQuoteInfo, _ *tpm.Quote) { sel(i).PCRSelect[0] &^= 0x80 }, nil},
		"PCR missing":        {tpm.ErrPCRValues, nil, func(q *tpm.Quote) { delete(q.PCRs, 3) }},
		"PCR extra":          {tpm.ErrPCRValues, nil, func(q *tpm.Quote) { q.PCRs[16] = make([]byte, 32) }},
		"PCR truncated":      {tpm.ErrPCRValues, nil, func(q *tpm.Quote) { q.PCRs[3] = q.PCRs[3][:31] }},
		"PCRs cut differently": {tpm.ErrPCRValues, nil, func(q *tpm.Quote) { // the same bytes in the digest
			q.PCRs[3] = append(bytes.Clone(q.PCRs[3]), q.PCRs[4][0])
			q.PCRs[4] = q.PCRs[4][1:]
		}},
		"PCR changed":   {tpm.ErrPCRDigest, nil, func(q *tpm.Quote) { q.PCRs[15] = bytes.Repeat([]byte{99}, 32) }},
		"PCRs swapped":  {tpm.ErrPCRDigest, nil, func(q *tpm.Quote) { q.PCRs[1], q.PCRs[2] = q.PCRs[2], q.PCRs[1] }},
		"digest absent": {tpm.ErrPCRDigest, func(_ *tpm2.TPMSAttest, i *tpm2.TPMSQuoteInfo, _ *tpm.Quote) { i.PCRDigest.Buffer = nil }, nil},
		"another key's signature": {tpm.ErrSignature, nil, func(q *tpm.Quote) {
			q.Signature = other.sign(t, q.Attest, tpm2.TPMAlgSHA256)
		}},
		"another hash than the scheme's": {tpm.ErrSignature, nil, func(q *tpm.Quote) { q.Signature = k.sign(t, q.Attest, tpm2.TPMAlgSHA384) }},
		"RSA signature": {tpm.ErrSignature, nil, func(q *tpm.Quote) {
			q.Signature = tpm2.Marshal(tpm2.TPMTSignature{SigAlg: tpm2.TPMAlgRSASSA, Signature: tpm2.NewTPMUSignature(tpm2.TPMAlgRSASSA,
				&tpm2.TPMSSignatureRSA{Hash: tpm2.TPMAlgSHA256, Sig: tpm2.TPM2BPublicKeyRSA{Buffer: make([]byte, 256)}})})
		}},
		"byte behind the attest":    {tpm.ErrForm, nil, func(q *tpm.Quote) { q.Attest = append(q.Attest, 0) }},
		"byte behind the signature": {tpm.ErrForm, nil, func(q *tpm.Quote) { q.Signature = append(q.Signature, 0) }},
		"attest cut":                {tpm.ErrForm, nil, func(q *tpm.Quote) { q.Attest = q.Attest[:40] }},
		"attest too long":           {tpm.ErrForm, nil, func(q *tpm.Quote) { q.Attest = make([]byte, tpm.MaxAttest+1) }},
		"no PCR":                    {tpm.ErrForm, nil, func(q *tpm.Quote) { q.PCRs = nil }},
		"PCR 24":                    {tpm.ErrForm, nil, func(q *tpm.Quote) { q.PCRs[24] = make([]byte, 32) }},
	} {
		q := k.quote(t, qualifying(1), c.change)
		q.PCRs = maps.Clone(q.PCRs)
		if c.after != nil {
			c.after(&q)
		}
		if _, err := tpm.CheckQuote(k.ak, q, qualifying(1), tpm.Selection()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestEachPredicateRefusesAlone(t *testing.T) {
	k, other := newSoftKey(t), newSoftKey(t)
	bad := k.quote(t, qualifying(1), func(a *tpm2.TPMSAttest, _ *tpm2.TPMSQuoteInfo, q *tpm.Quote) {
		a.Magic = 1
		q.PCRs[0] = make([]byte, 32)
	})
	x, err := tpm.ParseQuoted(bad)
	if err != nil {
		t.Fatal(err)
	}
	for want, got := range map[error]error{
		tpm.ErrMagic: x.CheckMagic(), tpm.ErrExtraData: x.CheckExtraData(qualifying(2)), tpm.ErrSigner: x.CheckSigner(other.ak),
		tpm.ErrSelection: x.CheckSelection([]uint{23}), tpm.ErrSignature: x.CheckSignature(other.ak),
	} {
		if !errors.Is(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if err := x.CheckSelection(nil); !errors.Is(err, tpm.ErrSelection) {
		t.Errorf("nothing required: %v", err)
	}
	if err := errors.Join(x.CheckType(), x.CheckExtraData(qualifying(1)), x.CheckSigner(k.ak), x.CheckPCRValues(), x.CheckSignature(k.ak)); err != nil {
		t.Error(err)
	}
}

func TestEveryFlippedByteOfARealQuoteIsRefused(t *testing.T) {
	d, _ := device(t)
	q, err := d.Quote(within(t, 5*time.Second), qualifying(1))
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, i int, q tpm.Quote) {
		if _, err := tpm.CheckQuote(d.AK(), q, qualifying(1), tpm.Selection()); err == nil {
			t.Errorf("%s: byte %d flipped and accepted", what, i)
		}
	}
	for i := range q.Attest {
		for _, mask := range []byte{1, 0x80, 0xff} {
			bad := q
			bad.Attest = bytes.Clone(q.Attest)
			bad.Attest[i] ^= mask
			check("attest", i, bad)
		}
	}
	for i := range q.Signature {
		bad := q
		bad.Signature = bytes.Clone(q.Signature)
		bad.Signature[i] ^= 1
		check("signature", i, bad)
	}
	for p, v := range q.PCRs {
		for i := range v {
			bad := q
			bad.PCRs = maps.Clone(q.PCRs)
			bad.PCRs[p] = bytes.Clone(v)
			bad.PCRs[p][i] ^= 1
			check("PCR", i, bad)
		}
	}
	if _, err := tpm.CheckQuote(newSoftKey(t).ak, q, qualifying(1), tpm.Selection()); !errors.Is(err, tpm.ErrSigner) {
		t.Errorf("another AK: %v", err)
	}
}

func TestQuoteRoundTripsThroughItsOneEncoding(t *testing.T) {
	q := newSoftKey(t).quote(t, qualifying(1), nil)
	b, err := attest.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	var back tpm.Quote
	if err := attest.Unmarshal(b, &back, 4096); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back.Attest, q.Attest) || !slices.Equal(back.Selection(), q.Selection()) || back.Bank != q.Bank {
		t.Errorf("came back as %+v", back)
	}
}

func TestParseAKRefusesEveryWrongAttribute(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*tpm2.TPMTPublic, *tpm2.TPMSECCParms){
		"restricted":           func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) { p.ObjectAttributes.Restricted = false },
		"sign":                 func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) { p.ObjectAttributes.SignEncrypt = false },
		"decrypt":              func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) { p.ObjectAttributes.Decrypt = true },
		"fixedTPM":             func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) { p.ObjectAttributes.FixedTPM = false },
		"fixedParent":          func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) { p.ObjectAttributes.FixedParent = false },
		"sensitiveDataOrigin":  func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) { p.ObjectAttributes.SensitiveDataOrigin = false },
		"encryptedDuplication": func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) { p.ObjectAttributes.EncryptedDuplication = true },
		"x509sign":             func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) { p.ObjectAttributes.X509Sign = true },
		"reserved attributes":  func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) { p.ObjectAttributes.SetReservedBit(20, true) },
		"name algorithm":       func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) { p.NameAlg = tpm2.TPMAlgSHA1 },
		"curve":                func(_ *tpm2.TPMTPublic, e *tpm2.TPMSECCParms) { e.CurveID = tpm2.TPMECCNistP384 },
		"scheme": func(_ *tpm2.TPMTPublic, e *tpm2.TPMSECCParms) {
			e.Scheme = tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgNull}
		},
		"scheme hash": func(_ *tpm2.TPMTPublic, e *tpm2.TPMSECCParms) {
			e.Scheme.Details = tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA1})
		},
		"symmetric": func(_ *tpm2.TPMTPublic, e *tpm2.TPMSECCParms) {
			e.Symmetric = tpm2.TPMTSymDefObject{Algorithm: tpm2.TPMAlgAES, KeyBits: tpm2.NewTPMUSymKeyBits(tpm2.TPMAlgAES, tpm2.TPMKeyBits(128)),
				Mode: tpm2.NewTPMUSymMode(tpm2.TPMAlgAES, tpm2.TPMAlgCFB)}
		},
	} {
		_, err := tpm.ParseAK(akPublic(&key.PublicKey, change))
		if v := tpm.Violations(err); len(v) != 1 || v[0].What != what {
			t.Errorf("%s: %v", what, err)
		}
	}
	both := akPublic(&key.PublicKey, func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) {
		p.ObjectAttributes.Restricted, p.ObjectAttributes.FixedTPM = false, false
	})
	if _, err := tpm.ParseAK(both); len(tpm.Violations(err)) != 2 {
		t.Errorf("two violations: %v", err)
	}
}

func TestParseAKRefusesOtherTypesAndPoints(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsa := tpm2.Marshal(tpm2.RSAEKTemplate)
	if _, err := tpm.ParseAK(rsa); !slices.ContainsFunc(tpm.Violations(err), func(v *tpm.AttributeError) bool { return v.What == "type" }) {
		t.Errorf("RSA key: %v", err)
	}
	point := func(x, y []byte) []byte {
		return akPublic(&key.PublicKey, func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) {
			p.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{X: tpm2.TPM2BECCParameter{Buffer: x}, Y: tpm2.TPM2BECCParameter{Buffer: y}})
		})
	}
	good := akPublic(&key.PublicKey, nil)
	for name, b := range map[string][]byte{
		"not on the curve":  point(bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)),
		"infinity":          point(nil, nil),
		"short coordinates": point([]byte{1}, []byte{2}),
		"byte behind":       append(bytes.Clone(good), 0),
		"cut":               good[:len(good)-1],
		"empty":             nil,
		"too long":          make([]byte, tpm.MaxPublic+1),
	} {
		if _, err := tpm.ParseAK(b); !errors.Is(err, tpm.ErrForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
