package tpm_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// What parses marshals back to the same bytes, and nothing panics or allocates without bound.
func fuzzStructure[T any](f *testing.F, parse func([]byte) (*T, error), marshal func(*T) []byte, seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s)
		f.Add(s[:len(s)/2])
		f.Add(append(bytes.Clone(s), 0))
	}
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parse(b)
		if err == nil && !bytes.Equal(marshal(v), b) {
			t.Errorf("%x came back as %x", b, marshal(v))
		}
	})
}

func FuzzAttest(f *testing.F) {
	k := newSoftKey(f)
	creation := tpm2.TPMSAttest{Magic: tpm2.TPMGeneratedValue, Type: tpm2.TPMSTAttestCreation,
		Attested: tpm2.NewTPMUAttest(tpm2.TPMSTAttestCreation, &tpm2.TPMSCreationInfo{ObjectName: tpm2.TPM2BName{Buffer: k.ak.Name()}})}
	fuzzStructure(f, tpm.ParseAttest, func(a *tpm2.TPMSAttest) []byte { return tpm2.Marshal(a) },
		k.quote(f, qualifying(1), nil).Attest, tpm2.Marshal(creation))
}

func FuzzSignature(f *testing.F) {
	k := newSoftKey(f)
	fuzzStructure(f, tpm.ParseSignature, func(s *tpm2.TPMTSignature) []byte { return tpm2.Marshal(s) }, k.sign(f, []byte("x"), tpm2.TPMAlgSHA256))
}

func FuzzPublic(f *testing.F) {
	k := newSoftKey(f)
	fuzzStructure(f, tpm.ParsePublic, func(p *tpm2.TPMTPublic) []byte { return tpm2.Marshal(p) },
		k.ak.Public(), tpm2.Marshal(tpm2.RSAEKTemplate), tpm2.Marshal(tpm2.ECCSRKTemplate))
}

func FuzzCreationData(f *testing.F) {
	d := tpm2.TPMSCreationData{ParentNameAlg: tpm2.TPMAlgNull, ParentName: tpm2.TPM2BName{Buffer: tpm.EndorsementName()},
		ParentQualifiedName: tpm2.TPM2BName{Buffer: tpm.EndorsementName()}}
	fuzzStructure(f, tpm.ParseCreationData, func(d *tpm2.TPMSCreationData) []byte { return tpm2.Marshal(d) }, tpm2.Marshal(d))
}

// Hostile AKs and quotes end in errors; a quote that passes all checks is the seed itself.
func FuzzCheckQuote(f *testing.F) {
	k := newSoftKey(f)
	q := k.quote(f, qualifying(1), nil)
	f.Add(k.ak.Public(), q.Attest, q.Signature)
	f.Fuzz(func(t *testing.T, public, attested, signature []byte) {
		ak, err := tpm.ParseAK(public)
		if err != nil {
			return
		}
		_, err = tpm.CheckQuote(ak, tpm.Quote{Attest: attested, Signature: signature, Bank: q.Bank, PCRs: q.PCRs}, qualifying(1), tpm.Selection())
		if err == nil && bytes.Equal(public, k.ak.Public()) && !bytes.Equal(attested, q.Attest) {
			t.Errorf("forged quote accepted: %x", attested)
		}
	})
}

func FuzzCertificateNV(f *testing.F) {
	f.Add([]byte{0x30, 1, 5})
	f.Add([]byte{0x30, 1, 5, 0, 0xff})
	f.Add(append([]byte{0x30, 0x81, 0x80}, make([]byte, 0x90)...))
	f.Add(append([]byte{0x30, 0x82, 1, 0}, make([]byte, 0x120)...))
	f.Add([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		der, err := tpm.CertificateDER(b)
		if err == nil && (len(der) > len(b) || !bytes.HasPrefix(b, der)) {
			t.Errorf("%x cut from %x", der, b)
		}
		chain, err := tpm.CertificateChain(b)
		if err == nil && (len(chain) > tpm.MaxChain || !bytes.HasPrefix(b, bytes.Join(chain, nil))) {
			t.Errorf("chain %x cut from %x", chain, b)
		}
	})
}

func FuzzClaims(f *testing.F) {
	b, err := attest.Marshal(exampleClaims(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := tpm.Parse(b)
		if err != nil {
			return
		}
		again, err := attest.Marshal(c)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x came back as %x, %v", b, again, err)
		}
	})
}

// Whatever reads as a key is written again as the same key, by whichever of the two names its algorithm went.
func FuzzParseSPKI(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		f.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		f.Fatal(err)
	}
	oid := []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1}
	f.Add(der)
	f.Add(bytes.Replace(der, append(bytes.Clone(oid), 1), append(bytes.Clone(oid), 7), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := tpm.ParseSPKI(b)
		if err != nil {
			return
		}
		if r, ok := k.(*rsa.PublicKey); ok {
			again, err := x509.MarshalPKIXPublicKey(r)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := tpm.ParseSPKI(again); err != nil || !r.Equal(back) {
				t.Errorf("%x came back as %x, %v", b, again, err)
			}
		}
	})
}
