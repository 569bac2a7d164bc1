package attest

import (
	"errors"
	"fmt"
)

// Reference is the payload of a reference file: known models and executables.
// Signed (TypeReference) it is the signer's word, bare it is the word of whoever names it on the command line.
type Reference struct {
	Version     uint64                `cbor:"1,keyasint"` // 1
	Created     uint64                `cbor:"2,keyasint"` // milliseconds since the Unix epoch
	Models      []ReferenceModel      `cbor:"3,keyasint"`
	Executables []ReferenceExecutable `cbor:"4,keyasint"`
	Boots       []ReferenceBoot       `cbor:"5,keyasint,omitempty"`
	Measured    []MeasuredFile        `cbor:"6,keyasint,omitempty"`
}

// ReferenceBoot is one known way to boot. A boot is known if it equals the registers or satisfies the policy of any of these.
type ReferenceBoot struct {
	Name string `cbor:"name"` // for people
	// Bank and Registers are exact: every register listed must have its value.
	Bank      uint16          `cbor:"bank"`
	Registers map[uint][]byte `cbor:"registers,omitempty"`
	Policy    *BootPolicy     `cbor:"policy,omitempty"`
}

// BootPolicy is what a replayed boot log must show. It outlives changes of
// settings and of boot order, which exact registers do not. Digests are of the bank.
type BootPolicy struct {
	Firmware     [][]byte `cbor:"firmware"`      // values of register 0, in the bank: what no key and no image covers
	Keys         []Digest `cbor:"keys"`          // SHA-256 of each certificate (DER) or hash entry in db, and of what verified an image
	Images       [][]byte `cbor:"images"`        // Authenticode digests of what the firmware and loaders started
	Files        [][]byte `cbor:"files"`         // digests of what the boot loader read: its configuration, kernel, initrd
	Lists        [][]byte `cbor:"lists"`         // digests of shim's key lists (MokList and the like), as measured to register 14
	CommandLines []string `cbor:"command_lines"` // of the kernel, whole
}

// MeasuredFile is the content of a file that a closed world may run or read. It
// has no path: a path is a name that root may choose.
type MeasuredFile struct {
	Digest Digest `cbor:"digest"` // SHA-256 of the file; of its fs-verity descriptor where Verity is set
	Verity bool   `cbor:"verity,omitempty"`
	Policy bool   `cbor:"policy,omitempty"` // may be loaded as IMA policy
	Early  bool   `cbor:"early,omitempty"`  // may be measured before the policy is
	Name   string `cbor:"name"`             // where it was seen, for people
}

// Role says what an executable is referenced as.
type Role string

const (
	RoleEngine  Role = "engine"
	RoleLibrary Role = "library"
	RoleAgent   Role = "agent"
	RoleProbe   Role = "probe"
	RoleNVML    Role = "nvml"
)

// ReferenceExecutable is one program or library.
type ReferenceExecutable struct {
	Name string     `cbor:"name"` // base name, for people
	Role Role       `cbor:"role"`
	File FileDigest `cbor:"file"`
}

// ParseReference decodes and checks a reference payload.
func ParseReference(b []byte) (*Reference, error) {
	var r Reference
	if err := Unmarshal(b, &r, MaxReferenceSize); err != nil {
		return nil, fmt.Errorf("reference: %w", err)
	}
	if r.Version != 1 {
		return nil, fmt.Errorf("reference: version %d, want 1", r.Version)
	}
	if len(r.Models) > MaxModels || len(r.Executables) > MaxExecutables {
		return nil, errors.New("reference: over a limit")
	}
	for i := range r.Models {
		if err := r.Models[i].check(); err != nil {
			return nil, fmt.Errorf("reference: model %q: %w", cut(r.Models[i].Name, 40), err)
		}
	}
	for _, e := range r.Executables {
		switch e.Role {
		case RoleEngine, RoleLibrary, RoleAgent, RoleProbe, RoleNVML:
		default:
			return nil, fmt.Errorf("reference: unknown role %q", cut(string(e.Role), 40))
		}
	}
	if err := r.checkMeasured(); err != nil {
		return nil, err
	}
	return &r, nil
}

func (r *Reference) checkMeasured() error {
	if len(r.Boots) > MaxBoots || len(r.Measured) > MaxMeasured {
		return errors.New("reference: over a limit")
	}
	for _, b := range r.Boots {
		if len(b.Name) > MaxText || len(b.Registers) > MaxRegisters || b.Policy == nil && len(b.Registers) == 0 {
			return fmt.Errorf("reference: boot %q says nothing or too much", cut(b.Name, 40))
		}
		for i, v := range b.Registers {
			if i >= MaxRegisters || len(v) < 32 || len(v) > 64 {
				return fmt.Errorf("reference: boot %q: register %d of %d bytes", cut(b.Name, 40), i, len(v))
			}
		}
		if p := b.Policy; p != nil && max(len(p.Firmware), len(p.Keys), len(p.Images), len(p.Files), len(p.Lists), len(p.CommandLines)) > MaxBootValues {
			return fmt.Errorf("reference: boot %q: over a limit", cut(b.Name, 40))
		}
	}
	return nil
}
