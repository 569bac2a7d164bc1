package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/engine/modelsig"
)

// signedModel measures a model and, with --signature, holds it against its
// publisher's signature in the same pass: what nobody signed becomes no reference.
func (f *referenceFlags) signedModel(ctx context.Context, path string) (engine.Manifest, *attest.Publisher, error) {
	if f.signature == "" {
		if f.publisherKey != "" {
			return nil, nil, errors.New("--publisher-key needs --signature: the bundle to check")
		}
		m, err := engine.Measure(ctx, path, progress(path))
		return m, nil, err
	}
	s, publisher, err := f.openSignature()
	if err != nil {
		return nil, nil, err
	}
	bundle := within(path, f.signature)
	var hashers []*modelsig.Hasher
	m, err := engine.MeasureTee(ctx, path, func(name string, size uint64) io.Writer {
		hashers = append(hashers, s.Hasher(name, size, bundle))
		return hashers[len(hashers)-1]
	}, progress(path))
	if err != nil {
		return nil, nil, err
	}
	files := make([]modelsig.File, len(hashers))
	for i, h := range hashers {
		files[i] = h.File()
	}
	if differ := s.Compare(files, bundle); len(differ) > 0 {
		return nil, nil, unsigned(f.signature, differ)
	}
	fmt.Printf("signature\tvalid\t%d %s of %q\n", len(s.Resources), s.Serialization.Method, s.Subject.Name)
	for _, p := range s.Ignored(files, bundle) {
		fmt.Fprintf(os.Stderr, "hallmark: %s is not covered by the signature: its publisher left it out\n", p)
	}
	return m, publisher, nil
}

// openSignature reads the bundle and says whose it is: of the key that was named here, never of one in the bundle.
func (f *referenceFlags) openSignature() (*modelsig.Statement, *attest.Publisher, error) {
	if f.publisherKey == "" {
		return nil, nil, errors.New("--signature needs --publisher-key: a key named in the bundle itself proves nothing")
	}
	pem, err := readFile(f.publisherKey, 64<<10)
	if err != nil {
		return nil, nil, err
	}
	key, err := modelsig.ParseKey(pem)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.publisherKey, err)
	}
	b, err := readFile(f.signature, modelsig.MaxBundleBytes)
	if err != nil {
		return nil, nil, err
	}
	s, err := modelsig.Open(b, key)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.signature, err)
	}
	d, err := attest.KeyDigest(key)
	if err != nil {
		return nil, nil, err
	}
	return s, &attest.Publisher{Key: d, Subject: attest.Clean(s.Subject.Name)}, nil
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
