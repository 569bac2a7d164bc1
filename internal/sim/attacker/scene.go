package attacker

import (
	"context"
	"crypto/ecdsa"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
	"github.com/hallmark-attest/hallmark/sign"
)

// Scene is what the attackers find: a validator, an honest node that was accepted, and what a provider has beside it.
type Scene struct {
	Dir       string // for files of the attacks
	Validator *Validator
	Node      Honest
	Mallory   Mallory
	// OtherRoots are the endorsement roots of an authority that certified none of the TPMs here.
	OtherRoots *enroll.Roots
	// Engine exchanges what serves at the honest node's endpoint; its owner is root there.
	Engine Engine
}

// Honest is the node that was enrolled and accepted.
type Honest struct {
	URL       string
	File      []byte // node.json
	Record    []byte // an answer that was accepted, as answer.hm
	Challenge []byte // the challenge of that answer
}

// Mallory is the attacker: a second host with a TPM of the same maker, and a key that the honest node's operator listed.
type Mallory struct {
	Key       *ecdsa.PrivateKey
	TPMSocket string
	Keys      string // glob of the validators that its node answers
}

// Engine is the honest node's engine as its owner can change it.
type Engine interface {
	Honest(context.Context) error       // the enrolled executable with the enrolled weights
	OtherWeights(context.Context) error // files of another model under the same names, engine restarted
	OtherBinary(context.Context) error  // another executable of the same name with the same weights
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
