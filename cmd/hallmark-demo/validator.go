package main

import (
	"context"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
	"github.com/hallmark-attest/hallmark/internal/sim/node"
	"github.com/hallmark-attest/hallmark/verify"
)

// newValidator makes the validator: its key, the demonstration's roots, and reference values made from the honest files.
func newValidator(ctx context.Context, s *stage) (v *attacker.Validator, reference []byte, err error) {
	v = &attacker.Validator{Key: s.validator, Refs: &verify.References{}}
	if v.Roots, err = roots(s.authority.Roots()); err != nil {
		return nil, nil, err
	}
	ref, err := node.Reference(ctx, s.tools, modelName, s.files.model, engineName, s.files.binary)
	if err != nil {
		return nil, nil, fmt.Errorf("reference: %w", err)
	}
	if reference, err = verify.MarshalReference(v.Key, *ref); err != nil {
		return nil, nil, err
	}
	ref.Models = []attest.ReferenceModel{}
	if v.Programs, err = verify.MarshalReference(v.Key, *ref); err != nil {
		return nil, nil, err
	}
	return v, reference, v.Refs.Add(reference, &v.Key.PublicKey)
}
