package tpm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
)

// ErrKeyType says that a key is not of the kind its endorsement template prescribes.
var ErrKeyType = errors.New("key does not fit the endorsement key template")

// Template is one of the endorsement key templates of the TCG EK Credential Profile (for TPM Family 2.0; annex B,
// "Default EK Templates": low range L, high range H). Both sides build the key's public area from it; the validator never takes it from a node.
type Template struct {
	Name    string
	NVIndex uint32 // of the certificate (same profile, "NV Index Handle Values")
	rsa     bool
	curve   tpm2.TPMECCCurve
	high    bool // high range: other policy, userWithAuth, empty unique field
}

// Templates lists the supported templates in the order in which EKs are offered and tried.
func Templates() []Template {
	return []Template{
		{Name: "L-1", NVIndex: 0x01c00002, rsa: true},
		{Name: "L-2", NVIndex: 0x01c0000a, curve: tpm2.TPMECCNistP256},
		{Name: "H-1", NVIndex: 0x01c00012, rsa: true, high: true},
		{Name: "H-2", NVIndex: 0x01c00014, curve: tpm2.TPMECCNistP256, high: true},
		{Name: "H-3", NVIndex: 0x01c00016, curve: tpm2.TPMECCNistP384, high: true},
	}
}

// TemplateByName finds a template; ok is false for names outside the closed set.
func TemplateByName(name string) (t Template, ok bool) {
	for _, t := range Templates() {
		if t.Name == name {
			return t, true
		}
	}
	return Template{}, false
}

func templateRank(name string) int {
	for i, t := range Templates() {
		if t.Name == name {
			return i
		}
	}
	return -1
}

const rsaBytes = 2048 / 8

// Public rebuilds the endorsement key's public area from a certificate's key.
func (t Template) Public(key crypto.PublicKey) (*tpm2.TPMTPublic, error) {
	p := t.Creation()
	switch k := key.(type) {
	case *rsa.PublicKey:
		if !t.rsa || k.N.BitLen() != rsaBytes*8 || k.E != 65537 {
			return nil, fmt.Errorf("template %s: RSA key of %d bits, exponent %d: %w", t.Name, k.N.BitLen(), k.E, ErrKeyType)
		}
		p.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgRSA, &tpm2.TPM2BPublicKeyRSA{Buffer: k.N.FillBytes(make([]byte, rsaBytes))})
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil || t.rsa || curveOf(k.Curve) != t.curve {
			return nil, fmt.Errorf("template %s: elliptic curve key on %s: %w", t.Name, k.Curve.Params().Name, ErrKeyType)
		}
		half := (len(point) - 1) / 2
		p.Unique = eccUnique(point[1:1+half], point[1+half:])
	default:
		return nil, fmt.Errorf("template %s: key of type %T: %w", t.Name, key, ErrKeyType)
	}
	return &p, nil
}

// Creation is the template as given to TPM2_CreatePrimary.
func (t Template) Creation() tpm2.TPMTPublic {
	p := tpm2.TPMTPublic{
		Type:    tpm2.TPMAlgECC,
		NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true,
			UserWithAuth: t.high, AdminWithPolicy: true, Restricted: true, Decrypt: true},
		AuthPolicy: tpm2.TPM2BDigest{Buffer: t.policy()},
	}
	keyBits, coordinate := tpm2.TPMKeyBits(128), 32
	if t.curve == tpm2.TPMECCNistP384 {
		p.NameAlg, keyBits, coordinate = tpm2.TPMAlgSHA384, 256, 48
	}
	if t.high { // high range: the unique field is empty
		coordinate = 0
	}
	sym := tpm2.TPMTSymDefObject{Algorithm: tpm2.TPMAlgAES,
		KeyBits: tpm2.NewTPMUSymKeyBits(tpm2.TPMAlgAES, keyBits),
		Mode:    tpm2.NewTPMUSymMode(tpm2.TPMAlgAES, tpm2.TPMAlgCFB)}
	if !t.rsa {
		p.Parameters = tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{Symmetric: sym, CurveID: t.curve})
		p.Unique = eccUnique(make([]byte, coordinate), make([]byte, coordinate))
		return p
	}
	p.Type = tpm2.TPMAlgRSA
	p.Parameters = tpm2.NewTPMUPublicParms(tpm2.TPMAlgRSA, &tpm2.TPMSRSAParms{Symmetric: sym, KeyBits: rsaBytes * 8})
	unique := make([]byte, rsaBytes)
	if t.high {
		unique = nil
	}
	p.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgRSA, &tpm2.TPM2BPublicKeyRSA{Buffer: unique})
	return p
}

func eccUnique(x, y []byte) tpm2.TPMUPublicID {
	return tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{
		X: tpm2.TPM2BECCParameter{Buffer: x}, Y: tpm2.TPM2BECCParameter{Buffer: y}})
}

func curveOf(c elliptic.Curve) tpm2.TPMECCCurve {
	switch c {
	case elliptic.P256():
		return tpm2.TPMECCNistP256
	case elliptic.P384():
		return tpm2.TPMECCNistP384
	}
	return tpm2.TPMECCNone
}
