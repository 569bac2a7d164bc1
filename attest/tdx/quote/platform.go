package quote

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
)

// SGXType is how the platform protects its memory.
type SGXType int

// The types of Intel's PCK certificate specification, 1.3.5.
const (
	Standard              SGXType = 0
	Scalable              SGXType = 1 // multi-socket servers, without integrity tree: where TDX is found
	ScalableWithIntegrity SGXType = 2
)

// Platform is what the PCK certificate says about the machine.
type Platform struct {
	FMSPC   [6]byte // family, model, stepping, platform, SKU: names the TCB info
	PCEID   [2]byte
	CPUSVN  [16]byte // the 16 components
	PCESVN  uint16
	SGXType SGXType
	// PPIDHash names the machine: one PCK certificate's PPID (or its hash) under many nodes is one machine sold
	// many times. The PPID itself is left where it is.
	PPIDHash [32]byte
	PCK, CA  *x509.Certificate // for the CRLs

	of *Quote
}

// SignedBy says that this platform signed that quote: it came from its CheckSignature.
func (q *Quote) SignedBy(p *Platform) bool { return p.of == q }

// item is one {OID, value} of the SGX extension ("Intel SGX PCK Certificate and CRL Profile Specification", 1.3.5).
type item struct {
	ID    asn1.ObjectIdentifier
	Value asn1.RawValue
}

var sgxExtension = asn1.ObjectIdentifier{1, 2, 840, 113741, 1, 13, 1}

// platformOf reads the SGX extension. Each item is wanted exactly once.
func platformOf(pck, ca *x509.Certificate) (*Platform, error) {
	var value []byte
	for _, e := range pck.Extensions { // crypto/x509 refuses an extension that occurs twice
		if e.Id.Equal(sgxExtension) {
			value = e.Value
		}
	}
	p := &Platform{PCK: pck, CA: ca}
	items, err := items(value, sgxExtension)
	if err != nil {
		return nil, err
	}
	var ppid [16]byte
	for _, e := range []error{
		octets(items[1], ppid[:]), octets(items[3], p.PCEID[:]), octets(items[4], p.FMSPC[:]), p.tcb(items[2].FullBytes), p.sgxType(items[5]),
	} {
		if e != nil {
			return nil, e
		}
	}
	p.PPIDHash = PPIDHash(ppid)
	return p, nil
}

// PPIDHash is the name of a platform in references and records: SHA-256("hallmark/ppid/1" || PPID).
func PPIDHash(ppid [16]byte) [32]byte {
	return sha256.Sum256(append([]byte("hallmark/ppid/1"), ppid[:]...))
}

// tcb reads 1.3.5.2: 16 components, PCESVN and the CPUSVN as it was. The components are what TCB levels speak of.
func (p *Platform) tcb(der []byte) error {
	items, err := items(der, append(sgxExtension[:len(sgxExtension):len(sgxExtension)], 2))
	if err != nil {
		return err
	}
	for i := range p.CPUSVN {
		n, err := integer(items[i+1], 255)
		if err != nil {
			return err
		}
		p.CPUSVN[i] = byte(n)
	}
	n, err := integer(items[17], 65535)
	p.PCESVN = uint16(n)
	return err
}

func (p *Platform) sgxType(v asn1.RawValue) error {
	var t asn1.Enumerated
	if rest, err := asn1.Unmarshal(v.FullBytes, &t); err != nil || len(rest) > 0 {
		return fmt.Errorf("SGX type: not an enumeration: %w", ErrMalformed)
	}
	p.SGXType = SGXType(t)
	return nil
}

// items reads a SEQUENCE of items below an OID, by the last number of theirs.
func items(der []byte, under asn1.ObjectIdentifier) (map[int]asn1.RawValue, error) {
	var list []item
	if rest, err := asn1.Unmarshal(der, &list); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("SGX extension %v: not a sequence of items: %w", under, ErrMalformed)
	}
	out := map[int]asn1.RawValue{}
	for _, it := range list {
		n := len(under)
		if len(it.ID) != n+1 || !it.ID[:n].Equal(under) {
			return nil, fmt.Errorf("SGX extension %v: has %v: %w", under, it.ID, ErrMalformed)
		}
		if _, twice := out[it.ID[n]]; twice {
			return nil, fmt.Errorf("SGX extension: %v twice: %w", it.ID, ErrMalformed)
		}
		out[it.ID[n]] = it.Value
	}
	return out, nil
}

func octets(v asn1.RawValue, to []byte) error {
	if v.Class != asn1.ClassUniversal || v.Tag != asn1.TagOctetString || v.IsCompound || len(v.Bytes) != len(to) {
		return fmt.Errorf("SGX extension: not %d octets: %w", len(to), ErrMalformed)
	}
	copy(to, v.Bytes)
	return nil
}

func integer(v asn1.RawValue, limit int) (int, error) {
	var n int
	if rest, err := asn1.Unmarshal(v.FullBytes, &n); err != nil || len(rest) > 0 || n < 0 || n > limit {
		return 0, fmt.Errorf("SGX extension: no number up to %d: %w", limit, ErrMalformed)
	}
	return n, nil
}
