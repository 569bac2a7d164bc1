package tpm

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

// Parameters is what a node offers for enrolment: every EK, and the AK with proof of its birth.
type Parameters struct {
	EKs                 []EK     `cbor:"eks"`                  // in the order of Templates
	Chain               [][]byte `cbor:"chain,omitempty"`      // DER certificates from NV, for all EKs
	AK                  []byte   `cbor:"ak"`                   // TPMT_PUBLIC
	CreationData        []byte   `cbor:"creation_data"`        // TPMS_CREATION_DATA
	CreationAttestation []byte   `cbor:"creation_attestation"` // TPMS_ATTEST of TPM2_CertifyCreation by the AK
	CreationSignature   []byte   `cbor:"creation_signature"`   // TPMT_SIGNATURE by the AK itself
}

// ParseParameters decodes and checks a node's answer.
func ParseParameters(b []byte) (*Parameters, error) {
	p := new(Parameters)
	if err := attest.Unmarshal(b, p, MaxParameters); err != nil {
		return nil, fmt.Errorf("tpm activation parameters: %w", err)
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	return p, nil
}

// Check holds the parameters against limits and closed sets; it proves nothing.
func (p *Parameters) Check() error {
	if len(p.EKs) == 0 || len(p.EKs) > MaxEKs {
		return fmt.Errorf("tpm activation parameters: %d endorsement keys, limit %d", len(p.EKs), MaxEKs)
	}
	rank, total := -1, 0
	for _, k := range p.EKs {
		if templateRank(k.Template) <= rank {
			return fmt.Errorf("tpm activation parameters: template %.16q unknown or out of order", k.Template)
		}
		rank = templateRank(k.Template)
		if len(k.Certificate) > MaxCertificate || len(k.SPKI) == 0 || len(k.SPKI) > MaxPublic {
			return fmt.Errorf("tpm activation parameters: endorsement key %s: certificate of %d, key of %d bytes",
				k.Template, len(k.Certificate), len(k.SPKI))
		}
		total += len(k.Certificate)
	}
	if len(p.Chain) > MaxChain {
		return fmt.Errorf("tpm activation parameters: chain of %d, limit %d", len(p.Chain), MaxChain)
	}
	for _, c := range p.Chain {
		if len(c) == 0 || len(c) > MaxCertificate {
			return fmt.Errorf("tpm activation parameters: chain certificate of %d bytes, limit %d", len(c), MaxCertificate)
		}
		total += len(c)
	}
	if total > MaxCertificates {
		return fmt.Errorf("tpm activation parameters: certificates of %d bytes, limit %d", total, MaxCertificates)
	}
	return p.checkAK()
}

func (p *Parameters) checkAK() error {
	for _, f := range []struct {
		what  string
		b     []byte
		limit int
	}{
		{"ak", p.AK, MaxPublic},
		{"creation data", p.CreationData, MaxCreationData},
		{"creation attestation", p.CreationAttestation, MaxAttest},
		{"creation signature", p.CreationSignature, MaxSignature},
	} {
		if len(f.b) == 0 || len(f.b) > f.limit {
			return fmt.Errorf("tpm activation parameters: %s of %d bytes, limit %d", f.what, len(f.b), f.limit)
		}
	}
	return nil
}

// trim drops chain certificates from the end until all fit: a validator's own roots usually make them needless.
func (p *Parameters) trim() {
	total := 0
	for _, k := range p.EKs {
		total += len(k.Certificate)
	}
	for i, c := range p.Chain {
		if total += len(c); total > MaxCertificates {
			p.Chain = p.Chain[:i:i]
			return
		}
	}
}
