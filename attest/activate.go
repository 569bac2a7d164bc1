package attest

import (
	"errors"
	"fmt"
)

// Steps of enrolment (docs/format.md section "Enrolment").
const (
	StepParameters = "parameters"
	StepActivate   = "activate"
)

// Activate is the payload of a TypeActivate document.
type Activate struct {
	Profiles []string `cbor:"1,keyasint"`
	Nonce    Nonce    `cbor:"2,keyasint"`
	Issued   uint64   `cbor:"3,keyasint"` // milliseconds since the Unix epoch
	Expires  uint64   `cbor:"4,keyasint"` // milliseconds since the Unix epoch
	Audience UEID     `cbor:"5,keyasint"`
	Step     string   `cbor:"6,keyasint"`

	// In step "activate": the EK by its template name, and what TPM2_MakeCredential gave.
	EK         string `cbor:"7,keyasint,omitempty"`
	Credential []byte `cbor:"8,keyasint,omitempty"` // TPM2B_ID_OBJECT contents
	Secret     []byte `cbor:"9,keyasint,omitempty"` // TPM2B_ENCRYPTED_SECRET contents
}

// Request returns the part that every signed request has.
func (a *Activate) Request() Request { return Request{a.Nonce, a.Issued, a.Expires, a.Audience} }

// ParseActivate decodes and checks an activation request.
func ParseActivate(b []byte) (*Activate, error) {
	var a Activate
	if err := Unmarshal(b, &a, MaxRequestSize); err != nil {
		return nil, fmt.Errorf("activate: %w", err)
	}
	if err := a.check(); err != nil {
		return nil, fmt.Errorf("activate: %w", err)
	}
	return &a, nil
}

func (a *Activate) check() error {
	if err := a.Request().check(); err != nil {
		return err
	}
	if n := len(a.Profiles); n == 0 || n > MaxProfiles {
		return fmt.Errorf("%d profiles, want 1 to %d", n, MaxProfiles)
	}
	filled := a.EK != "" && len(a.Credential) > 0 && len(a.Secret) > 0
	empty := a.EK == "" && len(a.Credential) == 0 && len(a.Secret) == 0
	switch {
	case a.Step == StepParameters && empty, a.Step == StepActivate && filled:
		return nil
	case a.Step != StepParameters && a.Step != StepActivate:
		return fmt.Errorf("unknown step %q", cut(a.Step, 40))
	}
	return errors.New("step and fields do not fit together")
}

// EKOffer is one endorsement key the node has, in an activation answer.
type EKOffer struct {
	Template    string   `cbor:"template"` // TCG EK Credential Profile: "L-1", "L-2", "H-1", "H-2", "H-3"
	Key         []byte   `cbor:"key"`      // DER SubjectPublicKeyInfo
	Certificate []byte   `cbor:"certificate,omitempty"`
	Chain       [][]byte `cbor:"chain,omitempty"` // DER, from NV
}

// Parameters is the answer to step "parameters": what a privacy CA needs to judge an AK.
type Parameters struct {
	EKs             []EKOffer `cbor:"eks"`
	AK              []byte    `cbor:"ak"`               // TPMT_PUBLIC
	CreationData    []byte    `cbor:"creation_data"`    // TPMS_CREATION_DATA
	CreationAttest  []byte    `cbor:"creation_attest"`  // TPMS_ATTEST of TPM2_CertifyCreation, by the AK itself
	CreationSigning []byte    `cbor:"creation_signing"` // TPMT_SIGNATURE
	Absent          []Absence `cbor:"absent,omitempty"`
}

// ParseParameters decodes and checks an answer to step "parameters".
func ParseParameters(b []byte) (*Parameters, error) {
	var p Parameters
	if err := Unmarshal(b, &p, MaxActivateSize); err != nil {
		return nil, fmt.Errorf("activation parameters: %w", err)
	}
	if len(p.EKs) == 0 || len(p.EKs) > MaxCerts {
		return nil, fmt.Errorf("activation parameters: %d endorsement keys, want 1 to %d", len(p.EKs), MaxCerts)
	}
	for _, ek := range p.EKs {
		if len(ek.Certificate) > MaxCertSize || len(ek.Key) > MaxCertSize || len(ek.Chain) > MaxCerts {
			return nil, fmt.Errorf("activation parameters: endorsement key %q is over a limit", cut(ek.Template, 8))
		}
	}
	if err := CheckAbsences(p.Absent); err != nil {
		return nil, fmt.Errorf("activation parameters: %w", err)
	}
	return &p, nil
}

// Activated is the answer to step "activate".
type Activated struct {
	Secret []byte `cbor:"secret"`
}

// Identity is the answer of GET /v1/identity: whom to address, no endorsement key.
type Identity struct {
	Profile     string `json:"profile"`
	UEID        string `json:"ueid"`
	EvidenceKey string `json:"evidence_key"` // hex SHA-256 of the DER SPKI
	TLSKey      string `json:"tls_key"`      // hex SHA-256 of the DER SPKI
	TPM         bool   `json:"tpm"`          // an attestation key exists
	Version     string `json:"version"`
}
