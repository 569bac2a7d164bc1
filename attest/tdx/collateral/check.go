package collateral

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Names of Intel's certificates. Any key under the root would do without them: a PCK certificate is under it too.
const (
	nameTCBSigning = "Intel SGX TCB Signing"
	namePlatform   = "Intel SGX PCK Platform CA"
	nameProcessor  = "Intel SGX PCK Processor CA"
)

// Checked is collateral that Intel (or whoever owns the roots) signed. It may be used by many goroutines.
type Checked struct {
	c          *Collateral
	ca         *x509.Certificate // of the PCK CRL
	windows    []Window
	at         time.Time
	revokedCA  map[string]time.Time // by serial number
	revokedPCK map[string]time.Time
}

// errTwoRoots: the CRL of one root says nothing of what another has certified.
var errTwoRoots = fmt.Errorf("not under the root of the TCB info: %w", ErrSignature)

// Check verifies chains and signatures. That a part is past its time is no error: see TCB.Stale.
//
// Certificates are judged at the time nearest to at in which they are valid, so that an expired one is reported as what
// it is; both times of every part are held against at, the beginning too (D6).
func (c *Collateral) Check(roots *x509.CertPool, at time.Time) (*Checked, error) {
	if roots == nil || at.IsZero() {
		return nil, errors.New("tdx collateral: no roots or no time")
	}
	k := &Checked{c: c, ca: c.pckCA[0], at: at}
	root, err := k.signer(&c.infoDoc, roots)
	if err != nil {
		return nil, fmt.Errorf("tdx collateral: TCB info: %w", err)
	}
	if !c.qeDoc.chain[0].Equal(c.infoDoc.chain[0]) {
		other, err := k.signer(&c.qeDoc, roots)
		if err == nil && !other.Equal(root) {
			err = errTwoRoots
		}
		if err != nil {
			return nil, fmt.Errorf("tdx collateral: QE identity: %w", err)
		}
	}
	if err := c.rootCRL.CheckSignatureFrom(root); err != nil {
		return nil, fmt.Errorf("tdx collateral: root CRL: %w: %w", err, ErrSignature)
	}
	k.revokedCA, k.revokedPCK = serials(c.rootCRL), serials(c.pckCRL)
	for _, d := range []struct {
		what string
		doc  *document
		from time.Time
		to   time.Time
	}{{"TCB info", &c.infoDoc, c.info.Issued, c.info.Next}, {"QE identity", &c.qeDoc, c.qe.Issued, c.qe.Next}} {
		if err := d.doc.verify(); err != nil {
			return nil, fmt.Errorf("tdx collateral: %s: %w", d.what, err)
		}
		if when, ok := k.revokedCA[d.doc.chain[0].SerialNumber.String()]; ok {
			return nil, fmt.Errorf("tdx collateral: %s: signer of serial %v, at %v: %w", d.what, d.doc.chain[0].SerialNumber, when, ErrRevoked)
		}
		k.windows = append(k.windows, Window{d.what, d.from, d.to}, lifetime(d.what+" signer", d.doc.chain[0]))
	}
	if err := k.pckCRL(roots, root); err != nil {
		return nil, fmt.Errorf("tdx collateral: PCK CRL: %w", err)
	}
	k.windows = append(k.windows, Window{"root CRL", c.rootCRL.ThisUpdate, c.rootCRL.NextUpdate}, lifetime("root", root),
		Window{"PCK CRL", c.pckCRL.ThisUpdate, c.pckCRL.NextUpdate}, lifetime("CA of the PCK", k.ca))
	return k, nil
}

// signer verifies that a document's signer is the TCB signing certificate, directly under a root, and gives that root.
func (k *Checked) signer(d *document, roots *x509.CertPool) (*x509.Certificate, error) {
	if cn := d.chain[0].Subject.CommonName; cn != nameTCBSigning || d.chain[0].IsCA {
		return nil, fmt.Errorf("signer %q, wanted %q: %w", cn, nameTCBSigning, ErrSignature)
	}
	return k.under(d.chain[0], roots)
}

func (k *Checked) under(cert *x509.Certificate, roots *x509.CertPool) (*x509.Certificate, error) {
	at := k.at
	if at.After(cert.NotAfter) {
		at = cert.NotAfter
	} else if at.Before(cert.NotBefore) {
		at = cert.NotBefore
	}
	chains, err := cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil || len(chains[0]) != 2 {
		return nil, fmt.Errorf("%q is not under a root: %w: %w", cert.Subject.CommonName, err, ErrSignature)
	}
	return chains[0][1], nil
}

// pckCRL: that it is by the CA of the quote's PCK is seen when there is a quote.
func (k *Checked) pckCRL(roots *x509.CertPool, root *x509.Certificate) error {
	if cn := k.ca.Subject.CommonName; cn != namePlatform && cn != nameProcessor {
		return fmt.Errorf("signer %q: %w", cn, ErrSignature)
	}
	if other, err := k.under(k.ca, roots); err != nil {
		return err
	} else if !other.Equal(root) {
		return errTwoRoots
	}
	if err := k.c.pckCRL.CheckSignatureFrom(k.ca); err != nil {
		return fmt.Errorf("%w: %w", err, ErrSignature)
	}
	return nil
}

// verify checks the signature over the bytes as received; the JSON was decoded from these and no others.
func (d *document) verify() error {
	key, ok := d.chain[0].PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return fmt.Errorf("signer has no P-256 key: %w", ErrSignature)
	}
	digest := sha256.Sum256(d.raw)
	r, s := new(big.Int).SetBytes(d.signature[:32]), new(big.Int).SetBytes(d.signature[32:])
	if !ecdsa.Verify(key, digest[:], r, s) {
		return ErrSignature
	}
	return nil
}

func serials(list *x509.RevocationList) map[string]time.Time {
	out := make(map[string]time.Time, len(list.RevokedCertificateEntries))
	for _, e := range list.RevokedCertificateEntries {
		out[e.SerialNumber.String()] = e.RevocationTime
	}
	return out
}
