package tpm

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

// Parameters is what a TPM offers for enrolment: every EK, and the AK with proof of its birth. On the wire they are
// attest.Parameters.
type Parameters struct {
	EKs                 []EK             // in the order of Templates
	Chain               [][]byte         // DER certificates from NV, for all EKs together
	AK                  []byte           // TPMT_PUBLIC
	CreationData        []byte           // TPMS_CREATION_DATA
	CreationAttestation []byte           // TPMS_ATTEST of TPM2_CertifyCreation by the AK
	CreationSignature   []byte           // TPMT_SIGNATURE by the AK itself
	Absent              []attest.Absence // certificates that are missing, and why
}

// trim drops chain certificates from the end until all fit into one answer: a validator's own intermediates usually
// make them needless. Certificates of keys are never dropped.
func (p *Parameters) trim() {
	total := 0
	for _, k := range p.EKs {
		total += len(k.Certificate)
	}
	for i, c := range p.Chain {
		if total += len(c); total > MaxCertificates {
			p.Absent = append(p.Absent, attest.Absent(fmt.Sprintf("chain[%d]", i), attest.Oversize,
				"certificates of more than %d bytes together", MaxCertificates))
			p.Chain = p.Chain[:i:i]
			return
		}
	}
}
