package main

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify"
)

// blockRequests asks for n blocks of each model named by digest or listed in a reference file.
func blockRequests(n uint32, digests, files []string) ([]attest.BlockRequest, error) {
	models, err := blockModels(digests, files)
	switch {
	case err != nil:
		return nil, err
	case n == 0 && len(models) == 0:
		return nil, nil
	case n == 0:
		return nil, errors.New("--models and --reference say of which models blocks are asked: say how many with --blocks")
	case len(models) == 0:
		return nil, errors.New("--blocks: of which models? Name them with --models DIGEST (hallmark-agent measure prints it) or --reference FILE")
	case len(models) > attest.MaxBlockModels:
		return nil, fmt.Errorf("--blocks: %d models, limit %d in one challenge: name fewer with --models", len(models), attest.MaxBlockModels)
	case uint64(n)*uint64(len(models)) > attest.MaxBlocks:
		return nil, fmt.Errorf("--blocks %d of %d models is over the limit of %d blocks in one challenge: ask for at most %d of each, or challenge again", n, len(models), attest.MaxBlocks, attest.MaxBlocks/len(models))
	}
	var out []attest.BlockRequest
	for _, m := range models {
		out = append(out, attest.BlockRequest{Count: n, Model: m})
	}
	return out, nil
}

// blockModels lists each model once.
func blockModels(digests, files []string) (out []attest.Digest, err error) {
	seen := map[attest.Digest]bool{}
	add := func(d attest.Digest) {
		if !seen[d] {
			seen[d] = true
			out = append(out, d)
		}
	}
	for _, s := range digests {
		b, err := hex.DecodeString(s)
		if err != nil || len(b) != len(attest.Digest{}) {
			return nil, fmt.Errorf("--models %q: want a manifest digest of 64 hexadecimal digits", s)
		}
		add(attest.Digest(b))
	}
	var refs verify.References
	for _, name := range files {
		b, err := readFile(name, 4*attest.MaxReferenceSize)
		if err != nil {
			return nil, err
		}
		if err := refs.Add(b, nil); err != nil {
			return nil, unlike(name, b, fmt.Errorf("%s: %w", name, err), sortReference)
		}
	}
	for _, d := range refs.ModelDigests() {
		add(d)
	}
	return out, nil
}
