package collateral_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"math/big"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

// mint is an authority that names its certificates as it is told.
type mint struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	root *x509.Certificate
}

func newMint(t *testing.T) *mint {
	m := &mint{t: t}
	m.root, m.key = m.issue("Intel SGX Root CA", true)
	return m
}

func (m *mint) issue(cn string, ca bool) (*x509.Certificate, *ecdsa.PrivateKey) {
	m.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		m.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(int64(len(cn))), Subject: pkix.Name{CommonName: cn}, NotBefore: at.AddDate(0, -1, 0), NotAfter: at.AddDate(9, 0, 0),
		IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature, SubjectKeyId: []byte(cn)}
	parent, by := m.root, m.key
	if parent == nil {
		parent, by = template, key
	}
	if !ca {
		template.KeyUsage = x509.KeyUsageDigitalSignature
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		m.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		m.t.Fatal(err)
	}
	return cert, key
}

func (m *mint) crl(by *x509.Certificate, key crypto.Signer, extra ...pkix.Extension) string {
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: at.AddDate(0, 0, -1), NextUpdate: at.AddDate(0, 0, 9),
		ExtraExtensions: extra}, by, key)
	if err != nil {
		m.t.Fatal(err)
	}
	return hex.EncodeToString(der)
}

func (m *mint) sign(key *ecdsa.PrivateKey, text string) string {
	d := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, d[:])
	if err != nil {
		m.t.Fatal(err)
	}
	b := make([]byte, 64)
	r.FillBytes(b[:32])
	s.FillBytes(b[32:])
	return hex.EncodeToString(b)
}

// TestOnlyTheTCBSignerSigns: other certificates right under the root have other work.
func TestOnlyTheTCBSignerSigns(t *testing.T) {
	sim := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{}).collateral(tdx.CollateralOptions{})
	for name, c := range map[string]struct {
		tcb, qe, ca string
		signerIsCA  bool
		qeRoot      bool // of another root, which is trusted too
		pckRoot     bool
		ok          bool
	}{
		"as it should be":      {tcb: "Intel SGX TCB Signing", qe: "Intel SGX TCB Signing", ca: "Intel SGX PCK Platform CA", ok: true},
		"the Processor CA":     {tcb: "Intel SGX TCB Signing", qe: "Intel SGX TCB Signing", ca: "Intel SGX PCK Processor CA", ok: true},
		"TCB info by another":  {tcb: "Intel SGX Report Signing", qe: "Intel SGX TCB Signing", ca: "Intel SGX PCK Platform CA"},
		"QE identity likewise": {tcb: "Intel SGX TCB Signing", qe: "Intel SGX Report Signing", ca: "Intel SGX PCK Platform CA"},
		"another CA":           {tcb: "Intel SGX TCB Signing", qe: "Intel SGX TCB Signing", ca: "Intel SGX Other CA"},
		"signer is a CA":       {tcb: "Intel SGX TCB Signing", qe: "Intel SGX TCB Signing", ca: "Intel SGX PCK Platform CA", signerIsCA: true},
		"QE by another root":   {tcb: "Intel SGX TCB Signing", qe: "Intel SGX TCB Signing", ca: "Intel SGX PCK Platform CA", qeRoot: true},
		"CRL by another root":  {tcb: "Intel SGX TCB Signing", qe: "Intel SGX TCB Signing", ca: "Intel SGX PCK Platform CA", pckRoot: true},
	} {
		m, second := newMint(t), newMint(t)
		qeMint, caMint := m, m
		if c.qeRoot {
			qeMint = second
		}
		if c.pckRoot {
			caMint = second
		}
		tcb, tcbKey := m.issue(c.tcb, c.signerIsCA)
		qe, qeKey := qeMint.issue(c.qe, c.signerIsCA)
		ca, caKey := caMint.issue(c.ca, true)
		set := *sim
		set.TCBInfoSignature, set.TCBInfoIssuerChain = m.sign(tcbKey, set.TCBInfo), string(pemOf(tcb, m.root))
		set.QEIdentitySignature, set.QEIdentityIssuerChain = m.sign(qeKey, set.QEIdentity), string(pemOf(qe, qeMint.root))
		set.RootCACRL, set.PCKCRL, set.PCKCRLIssuerChain = m.crl(m.root, m.key), m.crl(ca, caKey), string(pemOf(ca, caMint.root))
		read, err := collateral.Parse(set.JSON())
		if err != nil {
			t.Fatal(name, err)
		}
		pool := x509.NewCertPool()
		pool.AddCert(m.root)
		pool.AddCert(second.root)
		if _, err := read.Check(pool, at); c.ok != (err == nil) || err != nil && !errors.Is(err, collateral.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPartialCRLIsRefused: one that speaks of some certificates only says so in a critical extension (RFC 5280, 5.2.5).
func TestPartialCRLIsRefused(t *testing.T) {
	set := *newWorld(t, tdx.Defaults(), tdx.PlatformOptions{}).collateral(tdx.CollateralOptions{})
	m := newMint(t)
	for _, critical := range []bool{false, true} {
		set.RootCACRL = m.crl(m.root, m.key, pkix.Extension{Id: []int{2, 5, 29, 28}, Critical: critical, Value: []byte{0x30, 0}})
		if _, err := collateral.Parse(set.JSON()); critical != errors.Is(err, collateral.ErrMalformed) {
			t.Errorf("critical %v: %v", critical, err)
		}
	}
}
