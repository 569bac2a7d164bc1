package attest

import (
	"errors"
	"fmt"
)

// Record is the payload of a TypeRecord document, the content of answer.hm: what
// one validator asked and received, over its own signature. Freshness is judged on its times.
type Record struct {
	Challenge []byte  `cbor:"1,keyasint"` // the signed challenge as sent
	Sent      uint64  `cbor:"2,keyasint"` // milliseconds since the Unix epoch
	Received  uint64  `cbor:"3,keyasint"` // milliseconds since the Unix epoch
	TLSKey    Digest  `cbor:"4,keyasint"` // SHA-256 of the DER SPKI the server showed
	Exporter  *Digest `cbor:"5,keyasint"` // RFC 9266 exporter of the connection, nil where there was none
	Response  []byte  `cbor:"6,keyasint"` // as received
}

// ParseRecord decodes a record's payload.
func ParseRecord(b []byte) (*Record, error) {
	var r Record
	if err := Unmarshal(b, &r, MaxRecordSize); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if len(r.Challenge) > MaxRequestSize || len(r.Response) > MaxResponseSize {
		return nil, errors.New("record: over a limit")
	}
	return &r, nil
}

// Trust is how an enroller came to trust a node's root.
type Trust string

const (
	TrustCertificate Trust = "certificate" // EK certificate chains to the enroller's roots
	TrustUnlisted    Trust = "unlisted"    // EK taken on first use, no certificate
	TrustDemo        Trust = "unsafe-demo" // EK certificate of a demo authority
	TrustFirstUse    Trust = "first-use"   // node key pinned on first use
	TrustPlatform    Trust = "platform"    // node key stated by a TD whose platform the processor's maker vouches for
)

// Node is the payload of a TypeNode document: what the enroller vouches for.
type Node struct {
	Profile  string   `cbor:"1,keyasint"`
	UEID     UEID     `cbor:"2,keyasint"`
	Enrolled uint64   `cbor:"3,keyasint"` // milliseconds since the Unix epoch
	Trust    Trust    `cbor:"4,keyasint"`
	TPM      *NodeTPM `cbor:"5,keyasint,omitempty"`
	Key      *Digest  `cbor:"6,keyasint,omitempty"` // the node key's digest, on a host without AK
	TD       *NodeTD  `cbor:"8,keyasint,omitempty"` // the platform whose TD it is
	Signer   []byte   `cbor:"7,keyasint"`           // DER SPKI of the enroller: lets --node alone name whom it trusts
}

// NodeTD pins the platform of a trust domain.
type NodeTD struct {
	PPID  Digest `cbor:"ppid"`  // of the Platform Provisioning ID in the PCK certificate: quote.PPIDHash
	FMSPC string `cbor:"fmspc"` // hex: family, model, stepping, platform, custom SKU
}

// NodeTPM pins a TPM.
type NodeTPM struct {
	AK            []byte  `cbor:"ak"`                           // TPMT_PUBLIC
	EK            Digest  `cbor:"ek"`                           // key digest
	EKCertificate *Digest `cbor:"ek_certificate,omitempty"`     // SHA-256 of the DER certificate
	EKTemplate    string  `cbor:"ek_template"`                  //
	Class         string  `cbor:"class"`                        // "firmware", "discrete", "virtual", "unknown"
	Manufacturer  string  `cbor:"manufacturer,omitempty"`       // from the EK certificate's SAN
	Model         string  `cbor:"model,omitempty"`              //
	Firmware      string  `cbor:"firmware_version,omitempty"`   //
	Serial        string  `cbor:"certificate_serial,omitempty"` // hex
}

// ParseNode decodes and checks a node record's payload.
func ParseNode(b []byte) (*Node, error) {
	var n Node
	if err := Unmarshal(b, &n, MaxNodeRecordSize); err != nil {
		return nil, fmt.Errorf("node record: %w", err)
	}
	if (n.TPM == nil) == (n.Key == nil) {
		return nil, errors.New("node record: wants exactly one of a TPM and a node key")
	}
	switch {
	case n.TPM != nil && (n.Trust == TrustCertificate || n.Trust == TrustUnlisted || n.Trust == TrustDemo):
	case n.Key != nil && n.TD == nil && n.Trust == TrustFirstUse:
	case n.Key != nil && n.TD != nil && (n.Trust == TrustPlatform || n.Trust == TrustDemo):
	default:
		return nil, fmt.Errorf("node record: trust %q does not fit its root", cut(string(n.Trust), 40))
	}
	return &n, nil
}
