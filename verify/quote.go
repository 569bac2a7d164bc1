package verify

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// requiredPCRs is what a quote must cover: the whole of the static root of trust, IMA's and the loader's registers.
var requiredPCRs = []uint{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// quoted checks the TPM quote, if the evidence has one.
func (a *authentication) quoted() {
	raw, ok := a.roots[attest.KindTPM]
	if !ok {
		return
	}
	claims, err := tpm.Parse(a.bound.Submods[attest.KindTPM])
	if err != nil {
		a.findings.bad("tpm.claims", "TPM claims", Asserted, "within the format", err)
		return
	}
	ak, err := tpm.ParseAK(claims.AK)
	if vs := tpm.Violations(err); len(vs) > 0 {
		for _, v := range vs {
			a.findings.bad("tpm.ak.attributes", "AK "+v.What, Asserted, v.Want, v.Got)
		}
		return
	} else if err != nil {
		a.findings.bad("tpm.ak.malformed", "AK public area", Asserted, "a TPMT_PUBLIC", err)
		return
	}
	a.tpmClaims = claims
	if a.attestationKey(ak, claims.AK) {
		a.checkQuote(raw, ak)
	}
}

// attestationKey ties the AK to the node's name and to the node record.
func (a *authentication) attestationKey(ak *tpm.AK, public []byte) bool {
	if a.node != nil && a.node.TPM != nil && !bytes.Equal(a.node.TPM.AK, public) {
		a.findings.bad("tpm.ak.foreign", "AK = node record", Asserted, short(a.node.TPM.AK), short(public))
		return false
	}
	if want := attest.UEIDFromAK(ak.Name()); want != a.bound.UEID {
		a.findings.bad("ueid.key", "ueid from the AK name", Asserted, want, a.bound.UEID)
		return false
	}
	return true
}

// checkQuote runs the predicates one by one, so that each has its own finding.
func (a *authentication) checkQuote(raw []byte, ak *tpm.AK) {
	var q tpm.Quote
	if err := attest.Unmarshal(raw, &q, attest.MaxEvidenceSize); err != nil {
		a.findings.bad("tpm.quote.malformed", "quote", Asserted, "within the format", err)
		return
	}
	if c := a.tpmClaims; c.Bank != q.Bank || !slices.Equal(c.Selection, q.Selection()) {
		a.findings.bad("tpm.quote.selection", "selection = claims", Asserted, fmt.Sprintf("bank %#x, registers %v", c.Bank, c.Selection), fmt.Sprintf("bank %#x, registers %v", q.Bank, q.Selection()))
		return
	}
	quoted, err := tpm.ParseQuoted(q)
	if err != nil {
		a.findings.bad("tpm.quote.malformed", "quote", Asserted, "a TPMS_ATTEST and a TPMT_SIGNATURE", err)
		return
	}
	inside := map[attest.Kind]attest.Digest{}
	if _, quoted := a.roots[attest.KindTDX]; quoted { // judged or not, it is covered
		inside[attest.KindTDX] = a.tdDigest
	}
	inner, err := attest.Inner(inside)
	if err != nil {
		a.findings.bad("tpm.quote.malformed", "inner quotes", Asserted, "encodable", err)
		return
	}
	qualifying := attest.TPMQualifying(attest.Binding(a.bound.Root, a.key, a.evidence.Bound), inner)
	if !a.holds([]predicate{
		{"tpm.quote.magic", "magic", quoted.CheckMagic()},
		{"tpm.quote.type", "type", quoted.CheckType()},
		{"tpm.quote.binding", "qualifying data", quoted.CheckExtraData(qualifying)},
		{"tpm.quote.signer", "qualified signer", quoted.CheckSigner(ak)},
		{"tpm.quote.selection", "selection", quoted.CheckSelection(requiredPCRs)},
		{"tpm.quote.pcr_values", "PCR values", quoted.CheckPCRValues()},
		{"tpm.quote.signature", "quote signature", quoted.CheckSignature(ak)},
	}) {
		return
	}
	// A list may have megabytes: it is read only for a TPM that has signed this challenge.
	if quoted.CheckPCRDigest() != nil && a.mend(&q, quoted.Digest()) {
		if quoted, err = tpm.ParseQuoted(q); err != nil {
			a.findings.bad("tpm.quote.malformed", "quote", Asserted, "a TPMS_ATTEST and a TPMT_SIGNATURE", err)
			return
		}
	}
	if !a.holds([]predicate{{"tpm.quote.pcr_digest", "PCR digest", quoted.CheckPCRDigest()}}) {
		return
	}
	a.quote, a.akName = quoted.Info(), attest.NameDigest(ak.Name())
	a.affirm(ak)
}

// predicate is one check of a quote and how it ended.
type predicate struct {
	id, check string
	err       error
}

// holds reports the first predicate that fails.
func (a *authentication) holds(list []predicate) bool {
	for _, c := range list {
		if c.err == nil {
			continue
		}
		if errors.Is(c.err, tpm.ErrBank) {
			c.id = "tpm.quote.bank"
		}
		a.findings.bad(c.id, c.check, Asserted, "as the TPM 2.0 specification and this challenge demand", c.err)
		return false
	}
	return true
}

// affirm says what the quote shows and how much the root behind it is worth.
func (a *authentication) affirm(ak *tpm.AK) {
	by := a.rootAssurance()
	a.findings.good("tpm.quote.ok", "quote", by, "AK "+short(ak.Name()))
	if a.node == nil || a.node.TPM == nil {
		return
	}
	a.findings.good("tpm.ak.enrolled", "AK = node record", by, "enrolled "+stamp(a.node.Enrolled))
	if a.hardwareRoot() {
		a.findings.good("tpm.ek.certified", "EK certificate at enrolment", Validator, a.node.TPM.Manufacturer+" "+a.node.TPM.Model)
	} else {
		a.findings.warn("tpm.ek.unlisted", "EK certificate at enrolment", Validator, "a chain to the enroller's roots", "none")
	}
}

// short names bytes by the digest's first digits.
func short(b []byte) string { return attest.NameDigest(b).Short() }
