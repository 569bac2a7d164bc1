package swtpm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Authority certifies the endorsement keys of software TPMs: a root and one issuer under it. Several TPMs may share
// one, as nodes share a vendor.
type Authority struct {
	dir    string
	mu     sync.Mutex // swtpm_localca keeps the serial number in a file
	key    *ecdsa.PrivateKey
	issuer *x509.Certificate
}

const century = 100 * 365 * 24 * time.Hour

// NewAuthority makes an authority in dir or opens the one that is there.
func NewAuthority(dir string) (*Authority, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("swtpm authority: %w", err)
	}
	a := &Authority{dir: dir}
	if err := a.load(); !errors.Is(err, fs.ErrNotExist) {
		return a, err
	}
	if err := a.create(); err != nil {
		return nil, fmt.Errorf("swtpm authority: %w", err)
	}
	return a, a.load()
}

// Roots is the directory with the authority's certificates and no key: what --ek-roots takes.
func (a *Authority) Roots() string { return filepath.Join(a.dir, "roots") }

func (a *Authority) keyFile() string    { return filepath.Join(a.dir, "ca", "signkey.pem") }
func (a *Authority) issuerFile() string { return filepath.Join(a.Roots(), "issuer.pem") }
func (a *Authority) serialFile() string { return filepath.Join(a.dir, "ca", "certserial") }

func (a *Authority) load() error {
	key, err := readPEM(a.keyFile())
	if err != nil {
		return err
	}
	if a.key, err = x509.ParseECPrivateKey(key); err != nil {
		return fmt.Errorf("swtpm authority: %s: %w", a.keyFile(), err)
	}
	der, err := readPEM(a.issuerFile())
	if err != nil {
		return err
	}
	if a.issuer, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("swtpm authority: %s: %w", a.issuerFile(), err)
	}
	return nil
}

func (a *Authority) create() error {
	for _, d := range []string{a.Roots(), filepath.Join(a.dir, "ca")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	root := caTemplate("hallmark software TPM root", 1)
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, caTemplate("hallmark software TPM issuer", 2), root, key.Public(), rootKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		writePEM(filepath.Join(a.Roots(), "root.pem"), "CERTIFICATE", rootDER),
		writePEM(a.issuerFile(), "CERTIFICATE", der),
		writePEM(a.keyFile(), "EC PRIVATE KEY", keyDER))
}

func caTemplate(name string, serial int64) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(century),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// Issue certifies an endorsement key as swtpm_localca does for those it knows.
func (a *Authority) Issue(key crypto.PublicKey, notBefore, notAfter time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	san, err := subjectAltName("id:00001014", "swtpm", "id:20191023")
	if err != nil {
		return nil, err
	}
	usage := x509.KeyUsageKeyEncipherment
	if _, ok := key.(*ecdsa.PublicKey); ok {
		usage = x509.KeyUsageKeyAgreement
	}
	t := &x509.Certificate{
		SerialNumber: serial, NotBefore: notBefore, NotAfter: notAfter, BasicConstraintsValid: true, KeyUsage: usage,
		UnknownExtKeyUsage: []asn1OID{{2, 23, 133, 8, 1}}, ExtraExtensions: []pkix.Extension{san},
	}
	return x509.CreateCertificate(rand.Reader, t, a.issuer, key, a.key)
}

func readPEM(file string) ([]byte, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM block", file)
	}
	return block.Bytes, nil
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
