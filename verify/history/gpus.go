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
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// One folder for each GPU holds the first and the newest verdict of every node that stated it, so that one
// card under two names is found by reading a few files, whatever the number of nodes.
const (
	gpuDir      = "gpus"
	firstSuffix = ".first"
	lastSuffix  = ".last"
	// maxOwners bounds how many other nodes of one GPU are read.
	maxOwners = 64
	// maxNoted bounds how many GPUs of one node are ever noted: a node may state other invented ones in each record.
	maxNoted = 512
)

func (s *Store) gpu(name attest.Digest) string {
	return filepath.Join(s.dir, gpuDir, name.String())
}

// keepGPUs notes a verdict, whose signed document is doc, under each of its GPUs. Of a node that reached no tier it notes nothing: what
// contradicts itself must not burden those who have the cards.
func (s *Store) keepGPUs(v *attest.Verdict, doc []byte) error {
	if v.GPUs == nil || v.Tier == string(verify.TierNone) {
		return nil
	}
	names, err := s.noted(v.UEID, v.GPUs.Names)
	if err != nil {
		return err
	}
	for _, name := range names {
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

// noted returns those of a node's GPUs that are to be noted: those that are already, and new ones as long as it has room. What
// is noted stands in a file beside its verdicts, which nothing is judged by.
func (s *Store) noted(u attest.UEID, names []attest.Digest) ([]attest.Digest, error) {
	have, err := s.notes(u)
	if err != nil {
		return nil, err
	}
	var out []attest.Digest
	more := false
	for _, name := range names {
		if !slices.Contains(have, name.String()) {
			if len(have) >= maxNoted {
				continue
			}
			have, more = append(have, name.String()), true
		}
		out = append(out, name)
	}
	if !more {
		return out, nil
	}
	return out, replace(s.noteFile(u), []byte(strings.Join(have, "\n")+"\n"))
}

func (s *Store) noteFile(u attest.UEID) string { return filepath.Join(s.node(u), "gpus") }

// notes are the names of the GPUs that are noted of a node.
func (s *Store) notes(u attest.UEID) ([]string, error) {
	b, err := read(s.noteFile(u), maxNoted*65)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return strings.Fields(string(b)), nil
}

// GPUs fills in h the other nodes that stated any of these GPUs, one for each GPU of a node, when this node was first seen with each
// (milliseconds since the Unix epoch, by its name), and of which nobody can tell: those beyond what is noted of this node, and those that more
// nodes state than are read. Verdicts must verify under key.
func (s *Store) GPUs(h *verify.History, u attest.UEID, names []attest.Digest, key *ecdsa.PublicKey) error {
	h.Others, h.GPUsSince, h.GPUsUntold = nil, map[string]uint64{}, map[string]string{}
	noted, err := s.notes(u)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	for _, name := range names[:min(len(names), attest.MaxVerdictGPUs)] {
		if len(noted) >= maxNoted && !slices.Contains(noted, name.String()) {
			h.GPUsUntold[name.String()] = fmt.Sprintf("the node has stated %d other GPUs: no more are noted of it", maxNoted)
		}
		entries, err := os.ReadDir(s.gpu(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return fmt.Errorf("history: %w", err)
		}
		owners := 0
		for _, e := range entries {
			owner, is := strings.CutSuffix(e.Name(), lastSuffix)
			if !is {
				continue
			}
			// This node's own is read however many others there are: they must not take from it that it came first.
			own := owner == u.String()
			if !own {
				owners++
			}
			if !own && owners > maxOwners {
				continue
			}
			last, err := s.owner(name, owner, lastSuffix, key)
			if err != nil {
				return err
			}
			first, err := s.owner(name, owner, firstSuffix, key)
			if err != nil {
				return err
			}
			if own {
				h.GPUsSince[name.String()] = first.Received
				continue
			}
			h.Others = append(h.Others, rules.Node{Name: owner, From: rules.Source{Name: "verdict on " + owner, By: rules.Assurance(last.GPUs.Assurance)},
				GPUs: []string{name.String()}, First: first.Received, Last: last.Received})
		}
		if owners > maxOwners {
			h.GPUsUntold[name.String()] = fmt.Sprintf("%d other nodes state it, of which %d are read", owners, maxOwners)
		}
	}
	return nil
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
