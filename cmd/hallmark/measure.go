package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/verify"
)

// fromModel measures a model file or directory.
func (f *referenceFlags) fromModel(ctx context.Context, path string) (*attest.Reference, error) {
	m, publisher, err := f.signedModel(ctx, path)
	if err != nil {
		return nil, err
	}
	d, err := m.Digest()
	if err != nil {
		return nil, err
	}
	c, absent, err := engine.Census(ctx, path, m)
	if err != nil {
		return nil, err
	}
	model := verify.ModelReference(f.nameOr(path), m, d, m.Size(), uint64(len(m)))
	model.Publisher = publisher
	if c != nil {
		fmt.Print(c.Text())
		if model.Census, err = attest.Marshal(c); err != nil {
			return nil, err
		}
	}
	for _, a := range absent {
		fmt.Fprintf(os.Stderr, "hallmark: %s: %s: %s\n", a.What, a.Reason, a.Detail)
	}
	return &attest.Reference{Models: []attest.ReferenceModel{model}, Executables: []attest.ReferenceExecutable{}}, nil
}

// fromProgram measures one executable or library.
func (f *referenceFlags) fromProgram(ctx context.Context, path string) (*attest.Reference, error) {
	d, err := measureFile(ctx, path)
	if err != nil {
		return nil, err
	}
	ref := &attest.Reference{Models: []attest.ReferenceModel{},
		Executables: []attest.ReferenceExecutable{{Name: f.nameOr(path), Role: attest.Role(f.role), File: d}}}
	switch attest.Role(f.role) {
	case attest.RoleEngine, attest.RoleLibrary, attest.RoleAgent, attest.RoleProbe, attest.RoleNVML:
		return ref, nil
	}
	return nil, errors.New("--role: want engine, library, agent, probe or nvml")
}

func (f *referenceFlags) nameOr(path string) string {
	if f.name != "" {
		return f.name
	}
	return filepath.Base(filepath.Clean(path))
}

// progress prints a line that overwrites itself, on a terminal only.
func progress(what string) func(done, total int64) {
	st, err := os.Stderr.Stat()
	if err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	last := int64(-1)
	return func(done, total int64) {
		if total <= 0 || done*100/total == last {
			return
		}
		last = done * 100 / total
		fmt.Fprintf(os.Stderr, "\rhallmark: measuring %s: %d%% of %d MiB", what, last, total>>20)
		if done >= total {
			fmt.Fprintln(os.Stderr)
		}
	}
}

// measureFile takes both digests of one file in one pass.
func measureFile(ctx context.Context, path string) (d attest.FileDigest, err error) {
	file, err := os.Open(path)
	if err != nil {
		return d, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return d, err
	}
	if !st.Mode().IsRegular() {
		return d, fmt.Errorf("%s is not a regular file", path)
	}
	verity, sum, err := fsverity.Both(ctx, file, st.Size(), fsverity.Options{})
	if err != nil {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	return attest.FileDigest{Size: uint64(st.Size()), FSVerity: verity, SHA256: sum}, nil
}
