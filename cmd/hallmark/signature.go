package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/engine/modelsig"
)

// signedModel measures a model and, with --signature, holds it against its
// publisher's signature in the same pass: what nobody signed becomes no reference.
func (f *referenceFlags) signedModel(ctx context.Context, path string) (engine.Manifest, error) {
	if f.signature == "" {
		if f.publisherKey != "" {
			return nil, errors.New("--publisher-key needs --signature: the bundle to check")
		}
		return engine.Measure(ctx, path, progress(path))
	}
	s, err := f.openSignature()
	if err != nil {
		return nil, err
	}
	m, plain, err := engine.MeasurePlain(ctx, path, progress(path))
	if err != nil {
		return nil, err
	}
	files := make([]modelsig.File, len(m))
	for i, e := range m {
		files[i] = modelsig.File{Path: e.Path, Size: e.Size, SHA256: plain[e.Path]}
	}
	bundle := within(path, f.signature)
	if differ := s.Compare(files, bundle); len(differ) > 0 {
		return nil, unsigned(f.signature, differ)
	}
	fmt.Printf("signature\tvalid\t%d files of %q\n", len(s.Resources), s.Subject.Name)
	for _, p := range s.Ignored(files, bundle) {
		fmt.Fprintf(os.Stderr, "hallmark: %s is not covered by the signature: its publisher left it out\n", p)
	}
	return m, nil
}

func (f *referenceFlags) openSignature() (*modelsig.Statement, error) {
	if f.publisherKey == "" {
		return nil, errors.New("--signature needs --publisher-key: a key named in the bundle itself proves nothing")
	}
	pem, err := readFile(f.publisherKey, 64<<10)
	if err != nil {
		return nil, err
	}
	key, err := modelsig.ParseKey(pem)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.publisherKey, err)
	}
	b, err := readFile(f.signature, modelsig.MaxBundleBytes)
	if err != nil {
		return nil, err
	}
	s, err := modelsig.Open(b, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.signature, err)
	}
	if s.Serialization.Method != modelsig.MethodFiles {
		return nil, fmt.Errorf("%s: signed by %s: this command reads signatures by files alone", f.signature, s.Serialization.Method)
	}
	return s, nil
}

// within is the bundle's path below the model, "" where it lies elsewhere.
func within(model, bundle string) string {
	rel, err := filepath.Rel(model, bundle)
	if err != nil || strings.HasPrefix(rel, "..") {
		return ""
	}
	return filepath.ToSlash(rel)
}

func unsigned(bundle string, differ []modelsig.Difference) error {
	const most = 5
	var lines []string
	for _, d := range differ[:min(len(differ), most)] {
		lines = append(lines, fmt.Sprintf("%s: %s (%s)", d.Path, d.Change, d.Detail))
	}
	if n := len(differ) - most; n > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", n))
	}
	return fmt.Errorf("the model is not the one signed by %s:\n  %s", bundle, strings.Join(lines, "\n  "))
}
