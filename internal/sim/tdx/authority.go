package tdx

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"time"
)

// Common names that verifiers compare literally (Intel SGX PCK Certificate and CRL Profile Specification).
const (
	nameRoot      = "Intel SGX Root CA"
	namePlatform  = "Intel SGX PCK Platform CA"
	nameProcessor = "Intel SGX PCK Processor CA"
	nameTCB       = "Intel SGX TCB Signing"
	namePCK       = "Intel SGX PCK Certificate"

	organization = "hallmark demo authority, not Intel"

	// RootCRLURL is where the root says that its CRL is; a verifier that goes by Intel's API asks there.
	RootCRLURL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
)

const year = 365 * 24 * time.Hour

// Authority stands where Intel stands: a root, the two CAs that certify PCKs, and the signer of TCB information.
type Authority struct {
	seed string
	at   time.Time

	root, platform, processor, tcb issuer
}

// issuer is a certificate with its key.
type issuer struct {
	key  *signer
	cert *x509.Certificate
}

// NewAuthority makes the authority of a seed. Its certificates begin a day before at; what Collateral and Platform
// say of time counts from at too.
func NewAuthority(seed string, at time.Time) (*Authority, error) {
	a := &Authority{seed: seed, at: at.UTC().Truncate(time.Second)}
	var err error
	if a.root, err = a.issue(nameRoot, 1, nil); err != nil {
		return nil, err
	}
	for _, i := range []struct {
		to     *issuer
		name   string
		serial int64
	}{{&a.platform, namePlatform, 2}, {&a.processor, nameProcessor, 3}, {&a.tcb, nameTCB, 4}} {
		if *i.to, err = a.issue(i.name, i.serial, &a.root); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// issue makes a certificate under parent, or a self-signed root.
func (a *Authority) issue(name string, serial int64, parent *issuer) (issuer, error) {
	key, err := newSigner(a.seed + "/" + name)
	if err != nil {
		return issuer{}, err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: subject(name),
		NotBefore: a.at.Add(-24 * time.Hour), NotAfter: a.at.Add(20 * year),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true,
		CRLDistributionPoints: []string{RootCRLURL}, SubjectKeyId: keyID(&key.PublicKey),
	}
	if name == nameTCB {
		t.IsCA, t.KeyUsage = false, x509.KeyUsageDigitalSignature
	}
	p := issuer{key, t}
	if parent != nil {
		p = *parent
	}
	cert, err := certify(t, p, &key.PublicKey)
	return issuer{key, cert}, err
}

// Root is the certificate that stands where Intel's root stands.
func (a *Authority) Root() *x509.Certificate { return a.root.cert }

// Pool holds the root.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.root.cert)
	return p
}

// At is the time that everything counts from.
func (a *Authority) At() time.Time { return a.at }

func subject(name string) pkix.Name {
	return pkix.Name{CommonName: name, Organization: []string{organization}, Country: []string{"US"}}
}

func certify(t *x509.Certificate, parent issuer, key *ecdsa.PublicKey) (*x509.Certificate, error) {
	t.SignatureAlgorithm = x509.ECDSAWithSHA256
	der, err := x509.CreateCertificate(noRandom{}, t, parent.cert, key, parent.key)
	if err != nil {
		return nil, fmt.Errorf("synthetic tdx: certificate %q: %w", t.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

// signer signs deterministically (RFC 6979), whatever randomness it is offered.
type signer struct{ *ecdsa.PrivateKey }

func (s *signer) Sign(_ io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return s.PrivateKey.Sign(nil, digest, o)
}

// raw signs a message as quotes and collateral carry signatures: r || s.
func (s *signer) raw(message []byte) []byte {
	h := sha256.Sum256(message)
	der, err := s.Sign(nil, h[:], crypto.SHA256)
	if err != nil {
		panic(err) // a P-256 key over 32 bytes cannot fail
	}
	var sig struct{ R, S *big.Int }
	unmarshal(der, &sig)
	out := make([]byte, 64)
	sig.R.FillBytes(out[:32])
	sig.S.FillBytes(out[32:])
	return out
}

// public is the key as quotes carry it: x || y.
func (s *signer) public() []byte {
	b, err := s.PublicKey.Bytes()
	if err != nil {
		panic(err) // the key is on its curve
	}
	return b[1:]
}

// newSigner derives a P-256 key from a label.
func newSigner(label string) (*signer, error) {
	for i := range uint32(8) { // all but one of 2^32 digests are scalars
		d := derive(label, i)
		if k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d[:]); err == nil {
			return &signer{k}, nil
		}
	}
	return nil, fmt.Errorf("synthetic tdx: no key for %q", label)
}

func derive(label string, i uint32) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint32([]byte("hallmark synthetic tdx/"+label+"/"), i))
}

func keyID(k *ecdsa.PublicKey) []byte {
	b, err := k.Bytes()
	if err != nil {
		panic(err) // the key is on its curve
	}
	d := sha256.Sum256(b)
	return d[:20]
}

func encodePEM(certs ...*x509.Certificate) (out []byte) {
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// noRandom answers crypto/x509, which wants a source of randomness and passes it to a signer that has no use for it.
type noRandom struct{}

func (noRandom) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
