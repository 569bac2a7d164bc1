package attacker

import (
	"context"
	"crypto/ecdsa"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/verify"
)

// Scene is what the attackers find: a validator, an honest node that was accepted, and what a provider has beside it.
type Scene struct {
	Dir       string // for files of the attacks
	Validator *Validator
	Node      Honest
	Mallory   Mallory
	// OtherRoots are the endorsement roots of an authority that certified none of the TPMs here.
	OtherRoots *enroll.Roots
	Boot, IMA  []byte // what all TPMs here have measured
	OtherBoot  []byte // the boot log of another start
	// Engine exchanges what serves at the honest node's endpoint; its owner is root there.
	Engine Engine
	TD     *TDScene
}

// Honest is the node that was enrolled and accepted.
type Honest struct {
	URL    string
	File   []byte // node.json
	Record []byte // an answer that was accepted, as answer.hm
}

// Mallory is the attacker: a second host with a TPM of the same maker, and a key that the honest node's operator listed.
type Mallory struct {
	Key       *ecdsa.PrivateKey
	TPMSocket string
	State     State  // of the TPM behind the socket
	Keys      string // glob of the validators that its node answers
}

// Engine is the honest node's engine as its owner can change it.
type Engine interface {
	Honest(context.Context) error        // the enrolled executable with the enrolled weights
	OtherWeights(context.Context) error  // files of another model under the same names, engine restarted
	DownCast(context.Context) error      // the model's files saved again in 8 bits, same names, engine restarted
	WeightsBeside(context.Context) error // the enrolled executable with weights from elsewhere; the declared files stay
	OtherBinary(context.Context) error   // another executable of the same name with the same weights
}

// parts takes a record apart without checking anything: what an attacker reads of it.
type parts struct {
	record   attest.Record
	response attest.Response
	evidence attest.Evidence
	bound    attest.Bound
}

func takeApart(record []byte) (*parts, error) {
	msg, err := sign.Open(record, attest.TypeRecord, attest.MaxRecordSize)
	if err != nil {
		return nil, err
	}
	rec, err := attest.ParseRecord(msg.Unverified())
	if err != nil {
		return nil, err
	}
	resp, err := attest.ParseResponse(rec.Response)
	if err != nil {
		return nil, err
	}
	if msg, err = sign.Open(resp.Evidence, attest.TypeEvidence, attest.MaxEvidenceSize); err != nil {
		return nil, err
	}
	e, err := attest.ParseEvidence(msg.Unverified())
	if err != nil {
		return nil, err
	}
	b, err := attest.ParseBound(e.Bound)
	if err != nil {
		return nil, fmt.Errorf("take apart: %w", err)
	}
	return &parts{*rec, *resp, *e, *b}, nil
}

// judge has the validator judge a record of the honest node.
func (s *Scene) judge(record []byte) (Verdict, error) {
	r, err := s.Validator.Judge(record, s.Node.File)
	if err != nil {
		return Verdict{}, err
	}
	return VerdictOf(r), nil
}

// judgeAs has the validator judge the honest record under other options.
func (s *Scene) judgeAs(demoRootsUnsafe bool, o verify.Options) (Verdict, error) {
	r, err := s.Validator.JudgeWith(s.Node.Record, verify.Endorsements{Validator: &s.Validator.Key.PublicKey, Node: s.Node.File,
		AcceptDemoRootsUnsafe: demoRootsUnsafe}, o)
	if err != nil {
		return Verdict{}, err
	}
	return VerdictOf(r), nil
}

// NonceAndRoot reads from a record which challenge it is about and under which batch root the answer came.
func NonceAndRoot(record []byte) (attest.Nonce, attest.Digest, error) {
	p, err := takeApart(record)
	if err != nil {
		return attest.Nonce{}, attest.Digest{}, err
	}
	msg, err := sign.Open(p.record.Challenge, attest.TypeChallenge, attest.MaxRequestSize)
	if err != nil {
		return attest.Nonce{}, attest.Digest{}, err
	}
	c, err := attest.ParseChallenge(msg.Unverified())
	if err != nil {
		return attest.Nonce{}, attest.Digest{}, err
	}
	return c.Nonce, p.bound.Root, nil
}
