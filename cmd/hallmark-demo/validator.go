package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
	"github.com/hallmark-attest/hallmark/verify"
)

// newValidator makes the validator: its key, the demonstration's roots, and reference values made from the honest files.
func newValidator(ctx context.Context, s *stage) (v *attacker.Validator, reference []byte, err error) {
	v = &attacker.Validator{Key: s.validator, Refs: &verify.References{}}
	if v.Roots, err = roots(s.authority.Roots()); err != nil {
		return nil, nil, err
	}
	ref, err := s.reference(ctx)
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

// reference measures what `hallmark reference create` would: the model, and the programs in their roles.
func (s *stage) reference(ctx context.Context) (*attest.Reference, error) {
	m, err := engine.Measure(ctx, s.files.model, nil)
	if err != nil {
		return nil, err
	}
	d, err := m.Digest()
	if err != nil {
		return nil, err
	}
	ref := &attest.Reference{Created: uint64(time.Now().UnixMilli()),
		Models: []attest.ReferenceModel{{Name: modelName, Digest: d, Size: m.Size(), Files: uint64(len(m))}}}
	for _, p := range []attest.ReferenceExecutable{{Name: engineName, Role: attest.RoleEngine}, {Name: "hallmark-agent", Role: attest.RoleAgent},
		{Name: "hallmark-gpuprobe", Role: attest.RoleProbe}} {
		path := map[attest.Role]string{attest.RoleEngine: s.files.binary, attest.RoleAgent: s.tools.Agent, attest.RoleProbe: s.tools.Probe}[p.Role]
		if p.File, err = measureProgram(ctx, path); err != nil {
			return nil, err
		}
		ref.Executables = append(ref.Executables, p)
	}
	return ref, nil
}

func measureProgram(ctx context.Context, path string) (d attest.FileDigest, err error) {
	f, err := os.Open(path)
	if err != nil {
		return d, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return d, err
	}
	d.Size = uint64(st.Size())
	verity, sum, err := fsverity.Both(ctx, f, st.Size(), fsverity.Options{})
	d.FSVerity, d.SHA256 = verity, sum
	return d, err
}
