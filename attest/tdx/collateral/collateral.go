package collateral

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Collateral is one set of what Intel publishes, read and not yet believed.
type Collateral struct {
	digest [32]byte // of every byte that Check looks at

	info    tcbInfo
	qe      qeIdentity
	infoDoc document
	qeDoc   document
	rootCRL *x509.RevocationList
	pckCRL  *x509.RevocationList
	pckCA   []*x509.Certificate // who signs pckCRL, root last
}

// document is signed JSON: the bytes that were signed, and by whom.
type document struct {
	raw       []byte
	signature []byte
	chain     []*x509.Certificate // signer, root
}

// parts are the nine pieces, as bytes.
type parts struct {
	info, infoSignature, infoChain []byte
	qe, qeSignature, qeChain       []byte
	rootCRL, pckCRL, pckChain      []byte
}

// FMSPC is the platform that the TCB info is for. Not believed before Check.
func (c *Collateral) FMSPC() [6]byte { return [6]byte(c.info.FMSPC) }

// CA is the common name of whose CRL is in it: "Intel SGX PCK Platform CA", or Processor.
func (c *Collateral) CA() string { return c.pckCA[0].Subject.CommonName }

// Digest names the exact bytes.
func (c *Collateral) Digest() [32]byte { return c.digest }

// read turns the parts into a Collateral.
func (p *parts) read() (*Collateral, error) {
	c := &Collateral{digest: p.digest()}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"TCB info", func() error { return decode(p.info, MaxTCBInfo, &c.info) }},
		{"TCB info", func() error { return c.info.check() }},
		{"TCB info", func() (err error) { c.infoDoc, err = doc(p.info, p.infoSignature, p.infoChain); return }},
		{"QE identity", func() error { return decode(p.qe, MaxIdentity, &c.qe) }},
		{"QE identity", func() error { return c.qe.check() }},
		{"QE identity", func() (err error) { c.qeDoc, err = doc(p.qe, p.qeSignature, p.qeChain); return }},
		{"root CRL", func() (err error) { c.rootCRL, err = crl(p.rootCRL); return }},
		{"PCK CRL", func() (err error) { c.pckCRL, err = crl(p.pckCRL); return }},
		{"PCK CRL", func() (err error) { c.pckCA, err = issuerChain(p.pckChain); return }},
	} {
		if err := step.do(); err != nil {
			return nil, fmt.Errorf("tdx collateral: %s: %w", step.what, err)
		}
	}
	return c, nil
}

func (p *parts) digest() (d [32]byte) {
	h := sha256.New()
	h.Write([]byte("hallmark/collateral/1"))
	for _, b := range [][]byte{p.info, p.infoSignature, p.infoChain, p.qe, p.qeSignature, p.qeChain, p.rootCRL, p.pckCRL, p.pckChain} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	h.Sum(d[:0])
	return d
}

func doc(raw, signature, chain []byte) (d document, err error) {
	d.raw = raw
	if d.signature, err = hex.DecodeString(string(signature)); err != nil || len(d.signature) != 64 {
		return d, fmt.Errorf("signature is not 64 bytes in hexadecimal: %w", ErrMalformed)
	}
	d.chain, err = issuerChain(chain)
	return d, err
}

// The nine members of dcap-qvl's QuoteCollateralV3, and one that newer versions add for quotes without a chain.
var qvlMembers = []string{"pck_crl_issuer_chain", "root_ca_crl", "pck_crl", "tcb_info_issuer_chain", "tcb_info", "tcb_info_signature",
	"qe_identity_issuer_chain", "qe_identity", "qe_identity_signature", "?pck_certificate_chain"}

// Parse reads a file in the JSON form of dcap-qvl (QuoteCollateralV3): nine strings, CRLs as DER in hexadecimal.
func Parse(file []byte) (*Collateral, error) {
	m, err := members(file, MaxFile, qvlMembers...)
	if err != nil {
		return nil, fmt.Errorf("tdx collateral: %w", err)
	}
	text := map[string][]byte{}
	for name, raw := range m {
		if name == "pck_certificate_chain" {
			continue // the chain that counts is in the quote
		}
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, fmt.Errorf("tdx collateral: member %q is no string: %w", name, ErrMalformed)
		}
		text[name] = []byte(s)
	}
	p := &parts{
		info: text["tcb_info"], infoSignature: text["tcb_info_signature"], infoChain: text["tcb_info_issuer_chain"],
		qe: text["qe_identity"], qeSignature: text["qe_identity_signature"], qeChain: text["qe_identity_issuer_chain"],
		rootCRL: text["root_ca_crl"], pckCRL: text["pck_crl"], pckChain: text["pck_crl_issuer_chain"],
	}
	return p.read()
}
