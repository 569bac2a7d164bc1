package attacker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hallmark-attest/hallmark/agent"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/verify"
)

// forgottenWeights measured the model once and gave its space to something else: files of the same names and sizes are
// there, and holes. His collector goes on stating the digests from memory. Asked for blocks that the nonce picks, it
// proves those of the files that it has.
func forgottenWeights(ctx context.Context, s *Scene) (Verdict, error) {
	seen, err := takeApart(s.Node.Record)
	if err != nil {
		return Verdict{}, err
	}
	m, err := statedModel(&seen.bound)
	if err != nil {
		return Verdict{}, err
	}
	dir, err := os.MkdirTemp(s.Dir, "holes-")
	if err != nil {
		return Verdict{}, err
	}
	file, err := s.enrolMallory(ctx)
	if err != nil {
		return Verdict{}, err
	}
	return s.withNode(ctx, Plan{Blocks: holes{dir, m.Entries}.prepare}, func(url string) (Verdict, error) {
		record, stored, err := s.Validator.Ask(ctx, url, file, attest.BlockRequest{Count: 8, Model: attest.Digest(m.Digest)})
		if err != nil {
			return Verdict{}, err
		}
		r, err := s.Validator.JudgeWith(record, verify.Endorsements{Validator: &s.Validator.Key.PublicKey, Node: file, AcceptDemoRootsUnsafe: true},
			verify.Options{At: time.Now(), Asked: verify.TierVerified, Stored: stored})
		if err != nil {
			return Verdict{}, err
		}
		return VerdictOf(r), nil
	})
}

// statedModel is the first model of which evidence lists all files.
func statedModel(b *attest.Bound) (*engine.Model, error) {
	c, err := engine.Parse(b.Submods[attest.KindEngine])
	if err != nil {
		return nil, err
	}
	for _, e := range c.Engines {
		for i := range e.Models {
			if m := &e.Models[i]; m.Complete && len(m.Entries) > 0 {
				return m, nil
			}
		}
	}
	return nil, errors.New("the honest node states no model")
}

// holes are files of a model's names and sizes without its contents.
type holes struct {
	dir      string
	manifest engine.Manifest
}

// prepare proves the asked blocks of the files that are there.
func (h holes) prepare(p *agent.PrepareParams) (*agent.Parts, error) {
	out := &agent.Parts{}
	for _, r := range p.Blocks {
		var blocks [][]byte
		var paths [][][]byte
		for j := range r.Count {
			i, index := h.manifest.BlockAt(attest.BlockIndex(p.Nonce, r.Model, j, h.manifest.Blocks()))
			block, path, err := h.at(h.manifest[i], index)
			if err != nil {
				return nil, fmt.Errorf("holes: %w", err)
			}
			blocks, paths = append(blocks, block), append(paths, path)
		}
		out.Blocks = append(out.Blocks, attest.NewBlockAnswer(r.Model, blocks, paths))
	}
	return out, nil
}

func (h holes) at(e engine.Entry, index int64) ([]byte, [][]byte, error) {
	f, err := os.OpenFile(filepath.Join(h.dir, filepath.Base(e.Path)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	size := int64(e.Size)
	if err := f.Truncate(size); err != nil {
		return nil, nil, err
	}
	var sums []byte
	if _, err := fsverity.Digest(context.Background(), f, size, fsverity.Options{Sums: func(b []byte) error { sums = append(sums, b...); return nil }}); err != nil {
		return nil, nil, err
	}
	tree, err := fsverity.NewTree(bytes.NewReader(sums), size, nil)
	if err != nil {
		return nil, nil, err
	}
	return tree.Path(context.Background(), f, index)
}
