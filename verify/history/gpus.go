package history

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// One folder for each GPU holds the first and the newest verdict of every node that stated it, so that one
// card under two names is found by reading a few files, whatever the number of nodes.
const (
	gpuDir      = "gpus"
	firstSuffix = ".first"
	lastSuffix  = ".last"
	// maxOwners bounds how many nodes of one GPU are read.
	maxOwners = 64
)

func (s *Store) gpu(name attest.Digest) string {
	return filepath.Join(s.dir, gpuDir, name.String())
}

// keepGPUs notes a verdict, whose signed document is doc, under each of its GPUs.
func (s *Store) keepGPUs(v *attest.Verdict, doc []byte) error {
	if v.GPUs == nil {
		return nil
	}
	for _, name := range v.GPUs.Names {
		dir := s.gpu(name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for _, end := range []string{firstSuffix, lastSuffix} {
			path := filepath.Join(dir, v.UEID.String()+end)
			// What stands there was written by this store; a damaged one is replaced by what is known now.
			if b, err := read(path, attest.MaxVerdictSize); err == nil {
				if was, err := unverified(b); err == nil && (end == firstSuffix) == (was.Received <= v.Received) {
					continue
				}
			} else if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err := replace(path, doc); err != nil {
				return err
			}
		}
	}
	return nil
}

// GPUs returns the other nodes that stated any of these GPUs, each once for all that it stated over the same time, and
// when this node was first seen with each (milliseconds since the Unix epoch, by the GPU's name). Verdicts must verify under key.
func (s *Store) GPUs(u attest.UEID, names []attest.Digest, key *ecdsa.PublicKey) (others []rules.Node, since map[string]uint64, err error) {
	type stay struct {
		owner       string
		first, last uint64
	}
	at, since := map[stay]int{}, map[string]uint64{}
	for _, name := range names[:min(len(names), attest.MaxVerdictGPUs)] {
		entries, err := os.ReadDir(s.gpu(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, nil, fmt.Errorf("history: %w", err)
		}
		owners := 0
		for _, e := range entries {
			owner, is := strings.CutSuffix(e.Name(), lastSuffix)
			if !is {
				continue
			}
			if owners++; owners > maxOwners {
				break
			}
			last, err := s.owner(name, owner, lastSuffix, key)
			if err != nil {
				return nil, nil, err
			}
			first, err := s.owner(name, owner, firstSuffix, key)
			if err != nil {
				return nil, nil, err
			}
			if owner == u.String() {
				since[name.String()] = first.Received
				continue
			}
			of := stay{owner, first.Received, last.Received}
			i, known := at[of]
			if !known {
				i, at[of] = len(others), len(others)
				others = append(others, rules.Node{Name: owner, From: rules.Source{Name: "verdict on " + owner, By: rules.Assurance(last.GPUs.Assurance)}, First: first.Received, Last: last.Received})
			}
			others[i].GPUs = append(others[i].GPUs, name.String())
		}
	}
	return others, since, nil
}

// owner reads one verdict of a GPU's folder.
func (s *Store) owner(name attest.Digest, owner, end string, key *ecdsa.PublicKey) (*attest.Verdict, error) {
	path := filepath.Join(s.gpu(name), owner+end)
	b, err := read(path, attest.MaxVerdictSize)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	v, err := openVerdict(b, key)
	if err != nil {
		return nil, fmt.Errorf("history: %s: %w: remove it, or name the validator that wrote it", path, err)
	}
	if v.UEID.String() != owner || v.GPUs == nil || !slices.Contains(v.GPUs.Names, name) {
		return nil, fmt.Errorf("history: %s is another node's verdict, or of another GPU: it was renamed or moved: remove it", path)
	}
	return v, nil
}
