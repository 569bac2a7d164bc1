package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// nodeFile is node.json: the signed record in base64url, and a view for people that nobody reads back.
type nodeFile struct {
	Node string          `json:"node"`
	View json.RawMessage `json:"view,omitempty"`
}

// MarshalNode signs a node record as key and returns the bytes of node.json.
func MarshalNode(key *ecdsa.PrivateKey, n attest.Node) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	n.Profile, n.Signer = attest.Profile, der
	payload, err := attest.Marshal(n)
	if err != nil {
		return nil, err
	}
	if _, err := attest.ParseNode(payload); err != nil {
		return nil, err
	}
	doc, err := sign.Seal(key, attest.TypeNode, payload)
	if err != nil {
		return nil, err
	}
	view, err := attest.View(payload, attest.NodeNames)
	if err != nil {
		return nil, err
	}
	return encodeNodeFile(doc, view)
}

func encodeNodeFile(doc []byte, view json.RawMessage) ([]byte, error) {
	return json.MarshalIndent(nodeFile{base64.RawURLEncoding.EncodeToString(doc), view}, "", "  ")
}

// decodeNodeFile returns the signed document inside node.json.
func decodeNodeFile(b []byte) ([]byte, error) {
	if len(b) > attest.MaxNodeRecordSize {
		return nil, fmt.Errorf("node record: %d bytes, limit %d", len(b), attest.MaxNodeRecordSize)
	}
	var f nodeFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("node record: not a node.json: %w", err)
	}
	doc, err := base64.RawURLEncoding.DecodeString(f.Node)
	if err != nil || len(doc) == 0 {
		return nil, errors.New(`node record: member "node" is not base64url`)
	}
	return doc, nil
}

// OpenedNode is a node record whose signature verified under the key it names.
// Whether that key is to be believed is the caller's question.
type OpenedNode struct {
	Node   attest.Node
	Signer *ecdsa.PublicKey
}

// OpenNode opens node.json and checks its signature under the signer it names.
func OpenNode(b []byte) (*OpenedNode, error) {
	doc, err := decodeNodeFile(b)
	if err != nil {
		return nil, err
	}
	msg, err := sign.Open(doc, attest.TypeNode, attest.MaxNodeRecordSize)
	if err != nil {
		return nil, fmt.Errorf("node record: %w", err)
	}
	node, err := attest.ParseNode(msg.Unverified())
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(node.Signer)
	pub, ok := key.(*ecdsa.PublicKey)
	if err != nil || !ok || pub.Curve != elliptic.P256() {
		return nil, errors.New("node record: signer is not a key on P-256")
	}
	if _, err := msg.Verify(pub); err != nil {
		return nil, fmt.Errorf("node record: %w", err)
	}
	return &OpenedNode{Node: *node, Signer: pub}, nil
}

// openNode reads the node record of the endorsements. A file that is no node
// record at all is an error; one that is judged and refused becomes a finding of every result.
func (v *Verifier) openNode() error {
	n, err := OpenNode(v.endorse.Node)
	switch {
	case errors.Is(err, sign.ErrSignature):
		v.early.bad("node.signature", "node record signature", Validator, "valid", err)
		return nil
	case err != nil:
		return err
	}
	if v.key == nil {
		v.key = n.Signer
	} else if !v.key.Equal(n.Signer) {
		v.early.bad("node.foreign", "node record signer", Validator, fingerprint(v.key), fingerprint(n.Signer))
		return nil
	}
	if n.Node.Profile != attest.Profile {
		v.early.bad("node.malformed", "node record profile", Validator, attest.Profile, n.Node.Profile)
		return nil
	}
	if n.Node.Trust == attest.TrustDemo && !v.endorse.AcceptDemoRootsUnsafe {
		v.early.bad("node.demo_root", "enrolment authority", Validator, "vendor or operator roots", n.Node.Trust)
	}
	v.node = &n.Node
	return nil
}

// fingerprint is the hex key digest, or the reason there is none.
func fingerprint(pub *ecdsa.PublicKey) string {
	d, err := attest.KeyDigest(pub)
	if err != nil {
		return err.Error()
	}
	return d.String()
}
