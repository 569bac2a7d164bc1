package tpm

import (
	"crypto/sha256"
	"testing"

	"github.com/google/go-tpm/tpm2"
)

// PolicyB is PolicyOR of PolicyA and PolicyC: Part 3, 23.6. A typing error in the constants would make keys that are not the maker's.
func TestHighRangePolicyIsTheOrOfAAndC(t *testing.T) {
	h := sha256.New()
	h.Write(make([]byte, 32))
	h.Write([]byte{0, 0, 1, 0x71}) // TPM_CC_PolicyOR
	h.Write(policyA256[:])
	h.Write(policyC256[:])
	if [32]byte(h.Sum(nil)) != policyB256 {
		t.Errorf("PolicyOR gives %x", h.Sum(nil))
	}
}

func TestLowRangeTemplatesAreTheLibrarys(t *testing.T) {
	for name, want := range map[string]tpm2.TPMTPublic{"L-1": tpm2.RSAEKTemplate, "L-2": tpm2.ECCEKTemplate} {
		tmpl, _ := TemplateByName(name)
		if got := tpm2.Marshal(tmpl.Creation()); string(got) != string(tpm2.Marshal(want)) {
			t.Errorf("%s: %x", name, got)
		}
	}
}

func TestCertificateBlobs(t *testing.T) {
	cert := append([]byte{0x30, 0x81, 0x80}, make([]byte, 0x80)...)
	for name, c := range map[string]struct {
		blob []byte
		ok   bool
	}{
		"bare":                 {cert, true},
		"zero padding":         {append(cert[:len(cert):len(cert)], 0, 0, 0), true},
		"erased padding":       {append(cert[:len(cert):len(cert)], 0xff, 0xff), true},
		"something behind":     {append(cert[:len(cert):len(cert)], 0, 7), false},
		"cut":                  {cert[:len(cert)-1], false},
		"not a sequence":       {[]byte{0x31, 0}, false},
		"indefinite length":    {[]byte{0x30, 0x80, 0, 0}, false},
		"three length bytes":   {[]byte{0x30, 0x83, 1, 0, 0}, false},
		"length not minimal":   {append([]byte{0x30, 0x81, 1}, 0), false},
		"leading zero, length": {append([]byte{0x30, 0x82, 0, 0x80}, make([]byte, 0x80)...), false},
		"empty":                {nil, false},
		"erased index":         {[]byte{0xff, 0xff, 0xff}, false},
	} {
		der, err := CertificateDER(c.blob)
		if (err == nil) != c.ok || c.ok && len(der) != len(cert) {
			t.Errorf("%s: %d bytes, %v", name, len(der), err)
		}
	}
}

func TestCertificateChainIsCutAndBounded(t *testing.T) {
	one := []byte{0x30, 1, 5}
	var blob []byte
	for range MaxChain {
		blob = append(blob, one...)
	}
	chain, err := CertificateChain(append(blob[:len(blob):len(blob)], 0, 0))
	if err != nil || len(chain) != MaxChain {
		t.Errorf("%d certificates, %v", len(chain), err)
	}
	if _, err := CertificateChain(append(blob, one...)); err == nil {
		t.Error("one more than the limit accepted")
	}
	if _, err := CertificateChain([]byte{0x30, 1, 5, 9}); err == nil {
		t.Error("rubbish behind the chain accepted")
	}
}

func TestTrimDropsChainCertificatesAndSaysSo(t *testing.T) {
	p := Parameters{EKs: []EK{{Certificate: make([]byte, 4<<10)}}}
	for range 8 {
		p.Chain = append(p.Chain, make([]byte, MaxCertificate))
	}
	p.trim()
	if len(p.Chain) != 5 || len(p.Absent) != 1 {
		t.Errorf("%d certificates left, absences %v", len(p.Chain), p.Absent)
	}
}
