package tpm

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
)

// AK is the public half of an attestation key that passed ParseAK.
type AK struct {
	public []byte
	key    *ecdsa.PublicKey
	name   []byte
}

// AttributeError says that a key offered as attestation key is not one. Each is a finding of its own.
type AttributeError struct {
	What string // "restricted", "sign", "decrypt", ..., "name algorithm", "scheme", "curve", "type"
	Got  string
	Want string
}

func (e *AttributeError) Error() string {
	return fmt.Sprintf("tpm ak: %s: is %s, must be %s", e.What, e.Got, e.Want)
}

// Violations lists every AttributeError in an error of ParseAK.
func Violations(err error) []*AttributeError {
	var one *AttributeError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*AttributeError
		for _, e := range joined.Unwrap() {
			all = append(all, Violations(e)...)
		}
		return all
	}
	if errors.As(err, &one) {
		return []*AttributeError{one}
	}
	return nil
}

// ParseAK reads a TPMT_PUBLIC and refuses every key that could be made to sign something that merely looks like a
// quote: only a restricted signing key born in the TPM refuses to sign foreign bytes that begin with
// TPM_GENERATED_VALUE (Part 1, "Restricted Attribute"). All violations are reported together; Violations takes them apart.
func ParseAK(public []byte) (*AK, error) {
	p, err := ParsePublic(public)
	if err != nil {
		return nil, fmt.Errorf("tpm ak: %w", err)
	}
	if err := errors.Join(violations(p)...); err != nil {
		return nil, err
	}
	point, err := p.Unique.ECC()
	if err != nil {
		return nil, fmt.Errorf("tpm ak: %v: %w", err, ErrForm)
	}
	key, err := pointP256(point)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(public)
	return &AK{public: append([]byte(nil), public...), key: key, name: name256(digest)}, nil
}

func violations(p *tpm2.TPMTPublic) []error {
	var out []error
	bad := func(broken bool, what, got, want string) {
		if broken {
			out = append(out, &AttributeError{What: what, Got: got, Want: want})
		}
	}
	a := p.ObjectAttributes
	bad(!a.Restricted, "restricted", "clear", "set")
	bad(!a.SignEncrypt, "sign", "clear", "set")
	bad(a.Decrypt, "decrypt", "set", "clear")
	bad(!a.FixedTPM, "fixedTPM", "clear", "set")
	bad(!a.FixedParent, "fixedParent", "clear", "set")
	bad(!a.SensitiveDataOrigin, "sensitiveDataOrigin", "clear", "set")
	bad(a.EncryptedDuplication, "encryptedDuplication", "set", "clear")
	bad(a.X509Sign, "x509sign", "set", "clear") // such a key signs certificates only, never quotes (Part 2, 8.3)
	bad(reservedBits(a), "reserved attributes", "set", "clear")
	bad(p.NameAlg != tpm2.TPMAlgSHA256, "name algorithm", hex16(p.NameAlg), hex16(tpm2.TPMAlgSHA256))
	bad(p.Type != tpm2.TPMAlgECC, "type", hex16(p.Type), hex16(tpm2.TPMAlgECC))
	if d, err := p.Parameters.ECCDetail(); err == nil {
		bad(d.CurveID != tpm2.TPMECCNistP256, "curve", hex16(d.CurveID), hex16(tpm2.TPMECCNistP256))
		bad(d.Scheme.Scheme != tpm2.TPMAlgECDSA, "scheme", hex16(d.Scheme.Scheme), hex16(tpm2.TPMAlgECDSA))
		bad(!nullAlg(d.Symmetric.Algorithm), "symmetric", hex16(d.Symmetric.Algorithm), hex16(tpm2.TPMAlgNull))
		if s, err := d.Scheme.Details.ECDSA(); err == nil {
			bad(s.HashAlg != tpm2.TPMAlgSHA256, "scheme hash", hex16(s.HashAlg), hex16(tpm2.TPMAlgSHA256))
		}
	}
	return out
}

func reservedBits(a tpm2.TPMAObject) bool {
	for _, bit := range []int{0, 3, 9, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31} {
		if a.GetReservedBit(bit) {
			return true
		}
	}
	return false
}

func nullAlg(a tpm2.TPMAlgID) bool { return a == tpm2.TPMAlgNull || a == 0 }

func hex16[T ~uint16](v T) string { return fmt.Sprintf("%#06x", uint16(v)) }

func pointP256(p *tpm2.TPMSECCPoint) (*ecdsa.PublicKey, error) {
	if len(p.X.Buffer) != 32 || len(p.Y.Buffer) != 32 {
		return nil, fmt.Errorf("tpm ak: coordinates of %d and %d bytes: %w", len(p.X.Buffer), len(p.Y.Buffer), ErrForm)
	}
	raw := append(append([]byte{4}, p.X.Buffer...), p.Y.Buffer...)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		return nil, fmt.Errorf("tpm ak: %v: %w", err, ErrForm)
	}
	return key, nil
}

func name256(digest [32]byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, SHA256), digest[:]...)
}

// Public returns the TPMT_PUBLIC as received.
func (a *AK) Public() []byte { return append([]byte(nil), a.public...) }

// Key returns the ECDSA key.
func (a *AK) Key() *ecdsa.PublicKey { k := *a.key; return &k }

// Name returns the key's TPM Name: nameAlg || SHA-256(TPMT_PUBLIC) (Part 1, "Names").
func (a *AK) Name() []byte { return append([]byte(nil), a.name...) }

// NameDigest is SHA-256(whole TPM Name), as the formulas of docs/format.md use it.
func (a *AK) NameDigest() [32]byte { return sha256.Sum256(a.name) }

// QualifiedName is what a quote by this key as endorsement primary carries as
// qualifiedSigner: nameAlg || SHA-256(TPM_RH_ENDORSEMENT || Name) (Part 1, "Qualified Name").
func (a *AK) QualifiedName() []byte {
	return name256(sha256.Sum256(append(EndorsementName(), a.name...)))
}

// EndorsementName is the Name of the endorsement hierarchy: its handle.
func EndorsementName() []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(tpm2.TPMRHEndorsement))
}
