package agent

import (
	"context"

	"github.com/hallmark-attest/hallmark/attest"
)

// Half is the collector as the front end sees it, in the same process or behind
// a socket. Its errors are *Refusal where the asker can be told why.
type Half interface {
	// Identity says who this node is. It fails with "unavailable" while a configured TPM is missing.
	Identity(context.Context) (*NodeIdentity, error)
	// Activate serves one step of enrolment and returns the encoded answer.
	Activate(context.Context, *ActivateParams) ([]byte, error)
	// Prepare makes the collector's part of one challenge's own answer. It is called only where the challenge asks for such a part.
	Prepare(context.Context, *PrepareParams) (*Parts, error)
	// Evidence reads the fast claims, binds everything to the root and returns the signed envelope.
	Evidence(context.Context, *EvidenceParams) ([]byte, error)
	// Log reads a stretch of one log, from any byte of it.
	Log(context.Context, *LogParams) (*attest.Part, error)
	// Telemetry reads one part of the chain of telemetry.
	Telemetry(context.Context, *TelemetryParams) (*TelemetryPart, error)
}

// NodeIdentity is the answer to Identity.
type NodeIdentity struct {
	UEID        attest.UEID   `cbor:"ueid"`
	EvidenceKey attest.Digest `cbor:"evidence_key"`
	TPM         bool          `cbor:"tpm"`
	Version     string        `cbor:"version"`
}

// ActivateParams are those fields of attest.Activate that the TPM needs.
type ActivateParams struct {
	Step       string `cbor:"step"`
	EK         string `cbor:"ek"`
	Credential []byte `cbor:"credential"`
	Secret     []byte `cbor:"secret"`
}

// PrepareParams are what a challenge asks of the collector for its own answer.
type PrepareParams struct {
	Nonce  attest.Nonce          `cbor:"nonce"`
	Blocks []attest.BlockRequest `cbor:"blocks"`
}

// Parts are the collector's parts of an answer.
type Parts struct {
	Blocks []attest.BlockAnswer `cbor:"blocks"` // one for each request, in its order
}

// EvidenceParams say what one piece of evidence is for.
type EvidenceParams struct {
	Root   attest.Digest `cbor:"root"`
	Class  attest.Class  `cbor:"class"`
	TLSKey attest.Digest `cbor:"tls_key"`
	Front  FrontInputs   `cbor:"front"`
}

// FrontInputs are the front end's own effective inputs. In two processes the
// collector compares them with its own: halves of different files make no evidence.
type FrontInputs struct {
	Config     attest.Digest `cbor:"config"`
	NonDefault []string      `cbor:"nondefault"`
}
