package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/merkle"
	"github.com/hallmark-attest/hallmark/sign"
)

// check holds every answer against its own challenge and connection, and the evidence's signature against the key it names.
// Nothing may be lost or mixed up; what the evidence is worth is the verifier's business, and its tests'.
func check(answers []answer) error {
	roots := map[*byte]attest.Digest{} // by where the evidence lies: it is kept once
	leaves := map[attest.Digest]bool{}
	for _, a := range answers {
		r, err := attest.ParseResponse(slices.Concat(a.head, a.evidence, a.tail))
		if err != nil {
			return err
		}
		own, err := attest.ParseAnswer(r.Answer)
		if err != nil {
			return err
		}
		if own.Channel == nil || *own.Channel != a.export {
			return errors.New("an answer is bound to another connection")
		}
		leaf := attest.Leaf(a.challenge, r.Answer)
		if leaves[leaf] {
			return errors.New("two answers to one challenge")
		}
		leaves[leaf] = true
		tree, err := merkle.Root(leaf, r.Index, r.Size, r.Path)
		if err != nil {
			return err
		}
		id := &a.evidence[0]
		if _, known := roots[id]; !known {
			if roots[id], err = rootOf(a.evidence); err != nil {
				return err
			}
		}
		if attest.BatchRoot(r.Size, tree) != roots[id] {
			return errors.New("an answer is to another challenge")
		}
	}
	return nil
}

func rootOf(evidence []byte) (attest.Digest, error) {
	m, err := sign.Open(evidence, attest.TypeEvidence, attest.MaxEvidenceSize)
	if err != nil {
		return attest.Digest{}, err
	}
	e, err := attest.ParseEvidence(m.Unverified())
	if err != nil {
		return attest.Digest{}, err
	}
	b, err := attest.ParseBound(e.Bound)
	if err != nil {
		return attest.Digest{}, err
	}
	key, err := b.Confirmation.PublicKey()
	if err != nil {
		return attest.Digest{}, err
	}
	if _, err := m.Verify(key); err != nil {
		return attest.Digest{}, fmt.Errorf("evidence: %w", err)
	}
	return b.Root, nil
}
