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
}

// ReferenceModel is one model: a name and the digest of its manifest.
type ReferenceModel struct {
	Name   string `cbor:"name"`
	Digest Digest `cbor:"digest"`     // SHA-256 of the manifest (docs/format.md section "Manifest")
	Size   uint64 `cbor:"size_bytes"` // all files
	Files  uint64 `cbor:"files"`
	// Entries are the manifest's files, where they are few enough to be listed:
	// they tell changed weights from a changed README.
	Entries []ModelFile `cbor:"entries,omitempty"`
}

// ModelFile is one entry of a manifest.
type ModelFile struct {
	_        struct{} `cbor:",toarray"`
	Path     string
	Size     uint64
	FSVerity Digest
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
	for _, m := range r.Models {
		if len(m.Entries) > MaxListedFiles {
			return nil, fmt.Errorf("reference: model %q lists %d files, limit %d", cut(m.Name, 40), len(m.Entries), MaxListedFiles)
		}
	}
	for _, e := range r.Executables {
		switch e.Role {
		case RoleEngine, RoleLibrary, RoleAgent, RoleProbe, RoleNVML:
		default:
			return nil, fmt.Errorf("reference: unknown role %q", cut(string(e.Role), 40))
		}
	}
	return &r, nil
}
