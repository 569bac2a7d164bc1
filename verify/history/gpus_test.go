package history

import (
	"crypto/ecdsa"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

func (s *Store) gpus(u attest.UEID, names []attest.Digest, key *ecdsa.PublicKey) ([]rules.Node, map[string]uint64, error) {
	var h verify.History
	err := s.GPUs(&h, u, names, key)
	return h.Others, h.GPUsSince, err
}

// stating is a verdict on a node that stated GPUs.
func stating(of byte, at uint64, by string, names ...byte) *attest.Verdict {
	v := verdict(at)
	v.UEID = attest.UEIDFromKey(attest.Digest{of})
	v.GPUs = &attest.VerdictGPUs{Assurance: by}
	for _, n := range names {
		v.GPUs.Names = append(v.GPUs.Names, attest.Digest{n})
	}
	return v
}

func TestGPUsOfOtherNodesAreFound(t *testing.T) {
	s, key := newStore(t), newKey(t)
	for _, v := range []*attest.Verdict{stating(1, 5000, "asserted", 7, 8), stating(1, 1000, "asserted", 7), stating(1, 3000, "asserted", 7, 8), stating(2, 4000, "measured", 7, 9), verdict(9000)} {
		s.add(t, key, v, nil)
	}
	others, since, err := s.gpus(attest.UEIDFromKey(attest.Digest{2}), []attest.Digest{{7}, {9}}, &key.PublicKey)
	if err != nil || since[(attest.Digest{7}).String()] != 4005 || len(others) != 1 || others[0].First != 1005 || others[0].Last != 5005 || len(others[0].GPUs) != 1 || others[0].From.By != rules.Asserted {
		t.Errorf("%+v, since %v, %v", others, since, err)
	}
	others, since, err = s.gpus(attest.UEIDFromKey(attest.Digest{1}), []attest.Digest{{7}, {8}}, &key.PublicKey)
	if err != nil || since[(attest.Digest{7}).String()] != 1005 || since[(attest.Digest{8}).String()] != 3005 || len(others) != 1 || others[0].From.By != rules.Measured {
		t.Errorf("%+v, since %v, %v", others, since, err)
	}
	if others, since, err := s.gpus(attest.UEIDFromKey(attest.Digest{3}), []attest.Digest{{77}}, &key.PublicKey); err != nil || len(since) != 0 || others != nil {
		t.Errorf("a GPU that nobody stated: %v, %v, %v", others, since, err)
	}
}

func TestForeignVerdictsInAGPUsFolderAreErrors(t *testing.T) {
	s, key := newStore(t), newKey(t)
	s.add(t, key, stating(1, 1000, "asserted", 7), nil)
	me := attest.UEIDFromKey(attest.Digest{2})
	if _, _, err := s.gpus(me, []attest.Digest{{7}}, &newKey(t).PublicKey); err == nil {
		t.Error("by another validator")
	}
	// Copied to a GPU that it does not name, and under another node's name.
	from := filepath.Join(s.gpu(attest.Digest{7}), attest.UEIDFromKey(attest.Digest{1}).String())
	for _, to := range []string{filepath.Join(s.gpu(attest.Digest{8}), attest.UEIDFromKey(attest.Digest{1}).String()), filepath.Join(s.gpu(attest.Digest{9}), me.String())} {
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, end := range []string{firstSuffix, lastSuffix} {
			b, err := os.ReadFile(from + end)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to+end, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []byte{8, 9} {
		if _, _, err := s.gpus(me, []attest.Digest{{name}}, &key.PublicKey); err == nil {
			t.Errorf("GPU %d", name)
		}
	}
	if err := os.Remove(from + firstSuffix); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.gpus(me, []attest.Digest{{7}}, &key.PublicKey); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// What the index has of a damaged file is written anew by the next verdict.
func TestDamagedIndexIsReplaced(t *testing.T) {
	s, key := newStore(t), newKey(t)
	s.add(t, key, stating(1, 1000, "asserted", 7), nil)
	path := filepath.Join(s.gpu(attest.Digest{7}), attest.UEIDFromKey(attest.Digest{1}).String()+lastSuffix)
	if err := os.WriteFile(path, []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.add(t, key, stating(1, 2000, "asserted", 7), nil)
	if o, _, err := s.gpus(node, []attest.Digest{{7}}, &key.PublicKey); err != nil || len(o) != 0 { // node is UEIDFromKey({1})
		t.Errorf("%+v, %v", o, err)
	}
	if o, _, err := s.gpus(attest.UEIDFromKey(attest.Digest{5}), []attest.Digest{{7}}, &key.PublicKey); err != nil || len(o) != 1 || o[0].First != 1005 || o[0].Last != 2005 {
		t.Errorf("%+v, %v", o, err)
	}
}

// A node that states a card later than another must not gain by a card of its own that it stated before, nor one whose cards came one by one lose by it.
func TestEachGPUHasItsOwnTimes(t *testing.T) {
	s, key := newStore(t), newKey(t)
	for _, v := range []*attest.Verdict{stating(1, 1000, "asserted", 7), stating(2, 2000, "asserted", 8), stating(1, 3000, "asserted", 7, 8)} {
		s.add(t, key, v, nil)
	}
	others, since, err := s.gpus(attest.UEIDFromKey(attest.Digest{1}), []attest.Digest{{7}, {8}}, &key.PublicKey)
	if err != nil || since[(attest.Digest{7}).String()] != 1005 || since[(attest.Digest{8}).String()] != 3005 || len(others) != 1 || others[0].First != 2005 {
		t.Errorf("%+v, %v, %v", others, since, err)
	}
	s.add(t, key, stating(3, 4000, "asserted", 7), nil)
	s.add(t, key, stating(3, 9000, "asserted", 8), nil)
	others, _, err = s.gpus(attest.UEIDFromKey(attest.Digest{1}), []attest.Digest{{7}, {8}}, &key.PublicKey)
	if err != nil || len(others) != 3 {
		t.Fatalf("%+v, %v", others, err)
	}
	for _, n := range others {
		if n.GPUs[0] == (attest.Digest{7}).String() && n.Last != 4005 {
			t.Errorf("what it stated of another card: %+v", n)
		}
	}
}

// More names than are read must not hide that this node was there before them.
func TestManyOwnersDoNotHideThisOne(t *testing.T) {
	s, key := newStore(t), newKey(t)
	for n := range byte(maxOwners + 2) {
		s.add(t, key, stating(n+1, 5000+uint64(n), "asserted", 7), nil)
	}
	for n := range byte(maxOwners + 2) {
		others, since, err := s.gpus(attest.UEIDFromKey(attest.Digest{n + 1}), []attest.Digest{{7}}, &key.PublicKey)
		if err != nil || len(since) != 1 || len(others) != maxOwners {
			t.Fatalf("node %d: %d others, since %v, %v", n+1, len(others), since, err)
		}
	}
}

func TestANodeWithoutTierOwnsNoGPU(t *testing.T) {
	s, key := newStore(t), newKey(t)
	v := stating(1, 1000, "asserted", 7)
	v.Tier = string(verify.TierNone)
	s.add(t, key, v, nil)
	if others, since, err := s.gpus(attest.UEIDFromKey(attest.Digest{2}), []attest.Digest{{7}}, &key.PublicKey); err != nil || len(others)+len(since) != 0 {
		t.Errorf("%+v, %v, %v", others, since, err)
	}
	s.add(t, key, stating(1, 2000, "asserted", 7), nil)
	if others, _, err := s.gpus(attest.UEIDFromKey(attest.Digest{2}), []attest.Digest{{7}}, &key.PublicKey); err != nil || len(others) != 1 || others[0].First != 2005 {
		t.Errorf("%+v, %v", others, err)
	}
}

// A node that states other cards in every record fills no disk, and takes nothing from what was noted before.
func TestInventedGPUsAreNotedUpToALimit(t *testing.T) {
	s, key := newStore(t), newKey(t)
	s.add(t, key, stating(1, 1000, "asserted", 7), nil)
	for i := range 10 {
		v := stating(1, uint64(2000+i), "asserted")
		for j := range attest.MaxVerdictGPUs {
			v.GPUs.Names = append(v.GPUs.Names, attest.Digest{0xf0, byte(i), byte(j)})
		}
		s.add(t, key, v, nil)
	}
	s.add(t, key, stating(1, 9000, "asserted", 7), nil)
	folders, err := os.ReadDir(filepath.Join(s.dir, gpuDir))
	if err != nil || len(folders) != maxNoted {
		t.Errorf("%d folders, %v", len(folders), err)
	}
	if o, _, err := s.gpus(attest.UEIDFromKey(attest.Digest{5}), []attest.Digest{{7}}, &key.PublicKey); err != nil || len(o) != 1 || o[0].First != 1005 || o[0].Last != 9005 {
		t.Errorf("%+v, %v", o, err)
	}
	var h verify.History // and of a card beyond the limit nobody can tell
	if err := s.GPUs(&h, attest.UEIDFromKey(attest.Digest{1}), []attest.Digest{{7}, {8}}, &key.PublicKey); err != nil || len(h.GPUsUntold) != 1 || h.GPUsUntold[attest.Digest{8}.String()] == "" {
		t.Errorf("%+v, %v", h.GPUsUntold, err)
	}
}
