package verify

import (
	"fmt"
	"math"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/engine"
)

// checkBlocksAsked says whether an answer holds proofs exactly where they were asked for.
func checkBlocksAsked(c *attest.Challenge, a *attest.Answer) error {
	if (len(c.Blocks) > 0) != (len(a.Blocks) > 0) {
		return fmt.Errorf("blocks of %d models asked, of %d answered", len(c.Blocks), len(a.Blocks))
	}
	return nil
}

// blocks judges the proofs of weights. They show that whoever answered could
// obtain these bytes between challenge and answer, and nothing of what an engine
// has loaded: he may keep the files for nothing else, or ask somebody who has them.
func (ap *Appraised) blocks(refs *References) {
	asked, given := ap.auth.challenge.Blocks, ap.auth.blocks
	for i, r := range asked {
		check := "blocks of model " + r.Model.Short()
		if i >= len(given) || len(given) != len(asked) || given[i].Model != r.Model {
			ap.findings.bad("weights.blocks.wrong", check, Validator, fmt.Sprintf("%d models in the challenge's order", len(asked)), fmt.Sprintf("%d models, or in another order", len(given)))
			return
		}
		ap.blocksOf(refs, check, r, &given[i])
	}
}

func (ap *Appraised) blocksOf(refs *References, check string, r attest.BlockRequest, a *attest.BlockAnswer) {
	expected := count(int(r.Count), "blocks that lead to the digests of the model's files")
	if a.Absent != nil {
		ap.findings.warn("weights.blocks.absent", check, Asserted, expected, string(a.Absent.Reason)+": "+a.Absent.Detail)
		return
	}
	m := ap.manifest(refs, r.Model)
	if m == nil {
		ap.findings.unknown("weights.blocks.not_evaluable", check, Validator, "a list of the model's files, in the claims or the references", "none with this digest")
		return
	}
	if err := proveBlocks(m, ap.auth.challenge.Nonce, r, a); err != nil {
		ap.findings.bad("weights.blocks.wrong", check, Validator, expected, err)
		return
	}
	ap.proved[r.Model] = true
	ap.findings.good("weights.blocks.ok", check, Validator, fmt.Sprintf(
		"%d of %d blocks of %d: this agent could obtain these bytes within %d ms; of altered blocks a share of 1 %% would have escaped with probability %s, of 10 %% with %s",
		len(a.Proofs), r.Count, m.Blocks(), ap.auth.record.Received-ap.auth.record.Sent, escaped(0.01, r.Count), escaped(0.1, r.Count)))
}

// escaped is the probability that n blocks picked at random meet none of an altered share.
func escaped(share float64, n uint32) string {
	p := 100 * math.Pow(1-share, float64(n))
	if p < 10 {
		return fmt.Sprintf("%.1f %%", p)
	}
	return fmt.Sprintf("%.0f %%", p)
}

// proveBlocks checks every proof against the manifest: which file and block each
// is about follows from the nonce, never from the answer.
func proveBlocks(m engine.Manifest, nonce attest.Nonce, r attest.BlockRequest, a *attest.BlockAnswer) error {
	total := m.Blocks()
	if len(a.Proofs) != int(r.Count) || total == 0 {
		return fmt.Errorf("%d proofs, of a model of %d blocks", len(a.Proofs), total)
	}
	paths := a.BlockPaths()
	for j := range r.Count {
		at := attest.BlockIndex(nonce, r.Model, j, total)
		i, index := m.BlockAt(at)
		if err := fsverity.VerifyBlock(m[i].FSVerity, int64(m[i].Size), nil, index, a.Proofs[j].Block, paths[j]); err != nil {
			return fmt.Errorf("proof %d, block %d of %s: %w", j, index, m[i].Path, err)
		}
	}
	return nil
}

// manifest is the list of files of a model digest, by whoever listed it: the
// digest over the list is what counts. Nil where nobody did.
func (ap *Appraised) manifest(refs *References, model attest.Digest) engine.Manifest {
	candidates := refs.manifests(model)
	if c, err := engine.Parse(ap.auth.bound.Submods[attest.KindEngine]); err == nil {
		for _, e := range c.Engines {
			for _, m := range e.Models {
				candidates = append(candidates, m.Entries)
			}
		}
	}
	i := slices.IndexFunc(candidates, func(m engine.Manifest) bool { d, err := m.Digest(); return err == nil && attest.Digest(d) == model })
	if i < 0 {
		return nil
	}
	return candidates[i]
}

// manifests are the lists of files that the references have for a model digest.
func (r *References) manifests(model attest.Digest) (out []engine.Manifest) {
	for _, name := range r.modelNames[model] {
		for _, known := range r.models[name] {
			var m engine.Manifest
			for _, f := range known.Entries {
				m = append(m, engine.Entry{Path: f.Path, Size: f.Size, FSVerity: f.FSVerity})
			}
			out = append(out, m)
		}
	}
	return out
}

// blocksView is what people see of proofs: sizes, not weights.
func blocksView(list []attest.BlockAnswer) []map[string]any {
	out := make([]map[string]any, len(list))
	for i, a := range list {
		n := 0
		for _, p := range a.Proofs {
			n += len(p.Block)
		}
		out[i] = map[string]any{"model": a.Model.String(), "proofs": len(a.Proofs), "block_bytes": n, "tree_blocks": len(a.Nodes), "tree_bytes": len(a.Nodes) * attest.BlockBytes}
		if a.Absent != nil {
			out[i]["absent"] = map[string]string{"reason": string(a.Absent.Reason), "detail": attest.Clean(a.Absent.Detail)}
		}
	}
	return out
}
