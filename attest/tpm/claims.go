package tpm

import (
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
)

// Claims are the claims of kind "tpm" (docs/kinds/tpm.md). What they say of EKs
// and maker is the node's word until enrolment; the quote beside them is not.
type Claims struct {
	ObtainedAt      uint64           `cbor:"obtained_at"` // Unix ms
	How             string           `cbor:"how"`
	Device          string           `cbor:"device"` // as configured
	AK              []byte           `cbor:"ak"`     // TPMT_PUBLIC
	EKs             []EKDigest       `cbor:"eks"`
	Bank            uint16           `cbor:"bank"`      // TPM_ALG_ID that is quoted
	Selection       []uint           `cbor:"selection"` // PCRs that are quoted
	Manufacturer    string           `cbor:"manufacturer,omitempty"`
	Vendor          string           `cbor:"vendor,omitempty"`
	FirmwareVersion *uint64          `cbor:"firmware_version,omitempty"` // version 1 in the upper half
	RuntimeRegister *uint            `cbor:"runtime_register,omitempty"` // the PCR that the runtime log extends
	Absent          []attest.Absence `cbor:"absent,omitempty"`
}

// EKDigest names an endorsement key without showing it: the certificate would let anyone follow the machine around.
type EKDigest struct {
	Template          string `cbor:"template"`
	NVIndex           uint32 `cbor:"nv_index"`
	KeyDigest         []byte `cbor:"key_digest"`                   // SHA-256(DER SPKI)
	CertificateDigest []byte `cbor:"certificate_digest,omitempty"` // SHA-256(DER)
}

// RuntimeRegister is the name of the claim, and of its absence.
const RuntimeRegister = "runtime_register"

// WithRuntimeLog returns the claims with the register of the runtime log, or with the reason why there is none.
func (c *Claims) WithRuntimeLog(register uint, absence *attest.Absence) *Claims {
	out := *c
	out.Absent = attest.WithAbsence(c.Absent, RuntimeRegister, absence)
	if out.RuntimeRegister = nil; absence == nil {
		out.RuntimeRegister = &register
	}
	return &out
}

// Parse decodes and checks the claims of kind "tpm".
func Parse(b []byte) (*Claims, error) {
	c := new(Claims)
	if err := attest.Unmarshal(b, c, MaxClaims); err != nil {
		return nil, fmt.Errorf("tpm claims: %w", err)
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	return c, nil
}

// Check holds claims against limits, closed sets and order. A node runs it before sending.
func (c *Claims) Check() error {
	for _, t := range []struct{ what, v string }{
		{"how", c.How}, {"device", c.Device}, {"manufacturer", c.Manufacturer}, {"vendor", c.Vendor},
	} {
		if t.v != attest.Clean(t.v) {
			return fmt.Errorf("tpm claims: %s: %d bytes, limit %d, or control characters", t.what, len(t.v), attest.MaxText)
		}
	}
	switch {
	case c.ObtainedAt == 0 || c.How == "" || c.Device == "":
		return fmt.Errorf("tpm claims: obtained_at, how or device empty")
	case len(c.AK) == 0 || len(c.AK) > MaxPublic:
		return fmt.Errorf("tpm claims: ak of %d bytes, limit %d", len(c.AK), MaxPublic)
	case c.Bank == 0:
		return fmt.Errorf("tpm claims: no bank")
	}
	if err := c.checkSelection(); err != nil {
		return err
	}
	if err := c.checkEKs(); err != nil {
		return err
	}
	if r := c.RuntimeRegister; r != nil && !slices.Contains(c.Selection, *r) {
		return fmt.Errorf("tpm claims: runtime register %d is not quoted", *r)
	}
	if err := c.checkGaps(); err != nil {
		return err
	}
	return attest.CheckAbsences(c.Absent)
}

func (c *Claims) checkSelection() error {
	if len(c.Selection) == 0 || len(c.Selection) > MaxPCR {
		return fmt.Errorf("tpm claims: %d PCRs selected, limit %d", len(c.Selection), MaxPCR)
	}
	for i, p := range c.Selection {
		if p >= MaxPCR || i > 0 && p <= c.Selection[i-1] {
			return fmt.Errorf("tpm claims: selection: PCR %d out of range or order", p)
		}
	}
	return nil
}

func (c *Claims) checkEKs() error {
	if len(c.EKs) > MaxEKs {
		return fmt.Errorf("tpm claims: %d endorsement keys, limit %d", len(c.EKs), MaxEKs)
	}
	rank := -1
	for _, k := range c.EKs {
		t, ok := TemplateByName(k.Template)
		if !ok || templateRank(k.Template) <= rank {
			return fmt.Errorf("tpm claims: endorsement key template %.16q unknown or out of order", k.Template)
		}
		rank = templateRank(k.Template)
		if k.NVIndex != t.NVIndex || len(k.KeyDigest) != 32 {
			return fmt.Errorf("tpm claims: endorsement key %s: index %#x, digest of %d bytes", k.Template, k.NVIndex, len(k.KeyDigest))
		}
		if n := len(k.CertificateDigest); n != 0 && n != 32 {
			return fmt.Errorf("tpm claims: endorsement key %s: certificate digest of %d bytes", k.Template, n)
		}
	}
	return nil
}

// checkGaps demands an absence for every value that is missing.
func (c *Claims) checkGaps() error {
	missing := map[string]bool{"manufacturer": c.Manufacturer == "", "vendor": c.Vendor == "",
		"firmware_version": c.FirmwareVersion == nil, RuntimeRegister: c.RuntimeRegister == nil}
	for _, k := range c.EKs {
		missing["eks["+k.Template+"].certificate_digest"] = len(k.CertificateDigest) == 0
	}
	for what, is := range missing {
		said := slices.ContainsFunc(c.Absent, func(a attest.Absence) bool { return a.What == what })
		if is && !said {
			return fmt.Errorf("tpm claims: %s missing without an absence", what)
		}
	}
	return nil
}
