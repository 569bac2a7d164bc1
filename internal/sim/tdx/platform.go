package tdx

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"
)

// PlatformOptions say what a platform is. The zero value of each field gives what stands behind it.
type PlatformOptions struct {
	Seed      string    // tells platforms apart: keys, serial number, PPID
	Processor bool      // certified by the Processor CA: single-socket machines
	FMSPC     [6]byte   // b0c06f000000
	PCEID     [2]byte   // 0000
	PPID      [16]byte  // derived from Seed
	CPUSVN    [16]byte  // 2 2 2 2 3 1 0 5 0 ...
	PCESVN    uint16    // 11
	QESVN     uint16    // 4: ISVSVN of the quoting enclave
	QEDebug   bool      // a quoting enclave in debug mode
	NotBefore time.Time // a day before the authority's time
	NotAfter  time.Time // seven years after it
}

// Platform is a machine with its PCK and its quoting enclave.
type Platform struct {
	o         PlatformOptions
	authority *Authority
	pck       issuer
	chain     []byte // PEM: PCK, its CA, root
	attest    *signer
}

// Platform makes a machine that this authority certified.
func (a *Authority) Platform(o PlatformOptions) (*Platform, error) {
	a.fill(&o)
	key, err := newSigner(a.seed + "/pck/" + o.Seed)
	if err != nil {
		return nil, err
	}
	p := &Platform{o: o, authority: a}
	if p.attest, err = newSigner(a.seed + "/attestation key/" + o.Seed); err != nil {
		return nil, err
	}
	sgx, err := sgxExtension(&o)
	if err != nil {
		return nil, err
	}
	ca, serial := p.ca(), derive(a.seed+"/serial/"+o.Seed, 0)
	serial[0] &= 0x7f
	// Exactly six extensions, which verifiers count: AKI, SKI, CRL distribution points, key usage, basic constraints, SGX.
	cert, err := certify(&x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:20]), Subject: subject(namePCK), NotBefore: o.NotBefore, NotAfter: o.NotAfter,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment, SubjectKeyId: keyID(&key.PublicKey),
		CRLDistributionPoints: []string{pckCRLURL(p.CA())}, ExtraExtensions: []pkix.Extension{sgx},
	}, ca, &key.PublicKey)
	if err != nil {
		return nil, err
	}
	p.pck = issuer{key, cert}
	p.chain = encodePEM(cert, ca.cert, a.root.cert)
	return p, nil
}

func (a *Authority) fill(o *PlatformOptions) {
	def(&o.FMSPC, [6]byte{0xb0, 0xc0, 0x6f})
	ppid := derive(a.seed+"/ppid/"+o.Seed, 0)
	def(&o.PPID, [16]byte(ppid[:16]))
	def(&o.CPUSVN, [16]byte{2, 2, 2, 2, 3, 1, 0, 5})
	def(&o.PCESVN, 11)
	def(&o.QESVN, 4)
	def(&o.NotBefore, a.at.Add(-24*time.Hour))
	def(&o.NotAfter, a.at.Add(7*year))
}

// def gives a field that is zero its default.
func def[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}

func (p *Platform) ca() issuer {
	if p.o.Processor {
		return p.authority.processor
	}
	return p.authority.platform
}

// CA is the word that Intel's API has for the CA of this platform's PCK.
func (p *Platform) CA() string {
	if p.o.Processor {
		return "processor"
	}
	return "platform"
}

// Options are what this platform is, with the defaults filled in.
func (p *Platform) Options() PlatformOptions { return p.o }

// PCK is the certificate of the platform's provisioning certification key.
func (p *Platform) PCK() *x509.Certificate { return p.pck.cert }
