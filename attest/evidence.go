package attest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// Claim is one kind's own claims: a deterministic CBOR map.
type Claim struct {
	Kind Kind
	Body []byte
}

// Evidence is the payload of the CWT. Bound is hashed as received and never encoded again.
type Evidence struct {
	Profile string          `cbor:"265,keyasint"`
	Bound   []byte          `cbor:"-65537,keyasint"`
	Roots   cbor.RawMessage `cbor:"-65538,keyasint"` // map of kind to quote; its kinds are read by the package of each
}

// ParseEvidence decodes the payload of an evidence envelope.
func ParseEvidence(b []byte) (*Evidence, error) {
	var e Evidence
	if err := Unmarshal(b, &e, MaxEvidenceSize); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	return &e, nil
}

// ParseRoots splits the roots by kind and refuses kinds this version does not read.
func ParseRoots(b []byte) (map[Kind]cbor.RawMessage, error) {
	var m map[Kind]cbor.RawMessage
	if err := Unmarshal(b, &m, MaxEvidenceSize); err != nil {
		return nil, fmt.Errorf("roots: %w", err)
	}
	for k := range m {
		if k != KindTPM && k != KindTDX {
			return nil, fmt.Errorf("roots: kind %q is not read by this version", cut(string(k), 40))
		}
	}
	return m, nil
}

// Bound is the EAT claims-set (RFC 9711) that the binding covers.
type Bound struct {
	IssuedAt     uint64                   `cbor:"6,keyasint"` // seconds since the Unix epoch, the node's word
	Confirmation Confirmation             `cbor:"8,keyasint"` // the evidence key (RFC 8747)
	Root         Digest                   `cbor:"10,keyasint"`
	UEID         UEID                     `cbor:"256,keyasint"`
	Submods      map[Kind]cbor.RawMessage `cbor:"266,keyasint"`
	Name         string                   `cbor:"270,keyasint"`
	Version      []string                 `cbor:"271,keyasint"`
	Measurements []Measurement            `cbor:"273,keyasint"`
	TLSKey       Digest                   `cbor:"-65539,keyasint"` // SHA-256 of the DER SPKI of the answering server
	Inputs       Inputs                   `cbor:"-65540,keyasint"`
	Absent       []Absence                `cbor:"-65541,keyasint"`
	Class        Class                    `cbor:"-65542,keyasint"`
}

// Measurement is RFC 9711's measurements-format: a content format and its bytes.
type Measurement struct {
	_      struct{} `cbor:",toarray"`
	Format uint16   // FormatSoftware
	Bytes  []byte
}

// FormatSoftware is the CoAP content format (experimental range) of an encoded Software.
const FormatSoftware = 65000

// Software holds the digests of the programs that made the evidence, as they
// read themselves: the owner's word unless a runtime measurement says the same.
type Software struct {
	Agent *FileDigest `cbor:"agent,omitempty"`
	Probe *FileDigest `cbor:"probe,omitempty"`
}

// FileDigest identifies a file's content twice: fs-verity for engines of every
// size, plain SHA-256 for logs such as IMA's that know nothing else.
type FileDigest struct {
	Size     uint64 `cbor:"size_bytes"`
	FSVerity Digest `cbor:"fsverity"`
	SHA256   Digest `cbor:"sha256"`
}

// Inputs are the agent's effective inputs: what could make it read another host than it stands on.
type Inputs struct {
	Config     Digest            `cbor:"config"`     // SHA-256 of the configuration file as read
	Paths      map[string]string `cbor:"paths"`      // device and library paths in use, by name
	StatFS     map[string]uint64 `cbor:"statfs"`     // statfs magic of /proc, /sys, ...
	Namespaces map[string]string `cbor:"namespaces"` // readlink of /proc/self/ns/*
	NonDefault []string          `cbor:"nondefault"` // settings that differ from the defaults, sorted
}

// Confirmation is the cnf claim with one COSE_Key.
type Confirmation struct {
	Key COSEKey `cbor:"1,keyasint"`
}

// COSEKey is an EC2 key on P-256 (RFC 9053 section 7.1.1).
type COSEKey struct {
	Type  int    `cbor:"1,keyasint"`
	Curve int    `cbor:"-1,keyasint"`
	X     Digest `cbor:"-2,keyasint"`
	Y     Digest `cbor:"-3,keyasint"`
}

// NewConfirmation encodes pub, which must be on P-256.
func NewConfirmation(pub *ecdsa.PublicKey) (Confirmation, error) {
	if pub.Curve != elliptic.P256() {
		return Confirmation{}, errors.New("evidence key: not on P-256")
	}
	b, err := pub.Bytes() // 0x04 || X || Y
	if err != nil {
		return Confirmation{}, fmt.Errorf("evidence key: %w", err)
	}
	return Confirmation{COSEKey{Type: 2, Curve: 1, X: Digest(b[1:33]), Y: Digest(b[33:65])}}, nil
}

// PublicKey decodes the key; a point that is not on the curve is an error.
func (c Confirmation) PublicKey() (*ecdsa.PublicKey, error) {
	if c.Key.Type != 2 || c.Key.Curve != 1 {
		return nil, errors.New("evidence key: not an EC2 key on P-256")
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, c.Key.X[:]...), c.Key.Y[:]...))
	if err != nil {
		return nil, fmt.Errorf("evidence key: %w", err)
	}
	return pub, nil
}

// ParseBound decodes and checks bound. The bodies of its submods stay raw.
func ParseBound(b []byte) (*Bound, error) {
	var v Bound
	if err := Unmarshal(b, &v, MaxEvidenceSize); err != nil {
		return nil, fmt.Errorf("bound: %w", err)
	}
	if err := v.check(); err != nil {
		return nil, fmt.Errorf("bound: %w", err)
	}
	return &v, nil
}

func (v *Bound) check() error {
	if v.Class != ClassFast && v.Class != ClassDevice {
		return fmt.Errorf("unknown cost class %q", cut(string(v.Class), 40))
	}
	if v.UEID[0] != 1 {
		return fmt.Errorf("ueid type %#02x, want 0x01", v.UEID[0])
	}
	if len(v.Version) != 1 || len(v.Name) > MaxText || len(v.Version[0]) > MaxText || len(v.Measurements) > MaxKinds {
		return errors.New("software name, version or measurements: over a limit")
	}
	if err := CheckAbsences(v.Absent); err != nil {
		return err
	}
	for k := range v.Submods {
		if !k.IsBuilt() {
			return fmt.Errorf("claims of kind %q are not read by this version", cut(string(k), 40))
		}
	}
	for i, a := range v.Absent {
		if !Kind(a.What).Known() {
			return fmt.Errorf("absence of unknown kind %q", cut(a.What, 40))
		}
		if _, both := v.Submods[Kind(a.What)]; both {
			return fmt.Errorf("kind %q is both stated and absent", a.What)
		}
		if i > 0 && v.Absent[i-1].What >= a.What {
			return errors.New("absences are not sorted and distinct")
		}
	}
	return v.complete()
}

// complete refuses silence: every kind is either stated or absent with a reason.
func (v *Bound) complete() error {
	stated := len(v.Submods) + len(v.Absent)
	if want := len(Built()) + len(Reserved()); stated != want {
		return fmt.Errorf("%d kinds stated or absent, want each of %d", stated, want)
	}
	return v.Inputs.check()
}

func (in *Inputs) check() error {
	if len(in.Paths) > MaxKinds || len(in.StatFS) > MaxKinds || len(in.Namespaces) > MaxKinds || len(in.NonDefault) > MaxAbsences {
		return errors.New("inputs: over a limit")
	}
	texts := slices.Clone(in.NonDefault)
	for _, m := range []map[string]string{in.Paths, in.Namespaces} {
		for k, v := range m {
			texts = append(texts, k, v)
		}
	}
	for k := range in.StatFS {
		texts = append(texts, k)
	}
	for _, s := range texts {
		if len(s) > MaxText {
			return errors.New("inputs: over a limit")
		}
	}
	return nil
}
