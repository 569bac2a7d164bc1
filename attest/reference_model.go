package attest

import (
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// ReferenceModel is one model: a name and the digest of its manifest.
type ReferenceModel struct {
	Name   string `cbor:"name"`
	Digest Digest `cbor:"digest"`     // SHA-256 of the manifest (docs/format.md section "Manifest")
	Size   uint64 `cbor:"size_bytes"` // all files
	Files  uint64 `cbor:"files"`
	// Entries are the manifest's files, where they are few enough to be listed:
	// they tell changed weights from a changed README.
	Entries []ModelFile `cbor:"entries,omitempty"`
	// Census is what the headers of these files say, in the bytes in which evidence
	// states it (docs/kinds/engine.md, "A model's census"). Which keys it has is not
	// known here: whoever reads it parses it by package engine/census.
	Census    cbor.RawMessage `cbor:"census,omitempty"`
	Publisher *Publisher      `cbor:"publisher,omitempty"`
}

// Publisher is who signed a model's files before they became a reference: the key
// by which whoever made the reference checked an OpenSSF Model Signing bundle.
type Publisher struct {
	Key     Digest `cbor:"key"`     // SHA-256 of the DER SubjectPublicKeyInfo
	Subject string `cbor:"subject"` // what the signed statement calls the model; for people, nothing depends on it
}

// ModelFile is one entry of a manifest.
type ModelFile struct {
	_        struct{} `cbor:",toarray"`
	Path     string
	Size     uint64
	FSVerity Digest
}

func (m *ReferenceModel) check() error {
	if len(m.Entries) > MaxListedFiles {
		return fmt.Errorf("%d files listed, limit %d", len(m.Entries), MaxListedFiles)
	}
	if p := m.Publisher; p != nil && (p.Key == Digest{} || p.Subject != Clean(p.Subject)) {
		return errors.New("publisher without a key, or a subject with control characters or over the limit")
	}
	if m.Census == nil {
		return nil
	}
	// Raw bytes pass through the decoder as they are, so that there is one encoding of them is asked here.
	var any any
	if err := Unmarshal(m.Census, &any, MaxCensusSize); err != nil {
		return fmt.Errorf("census: %w", err)
	}
	return nil
}
