package engine

import (
	"fmt"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// model states the manifest of one configured model. A file that cannot be
// measured makes it incomplete and is named in an absence; the others are measured
// all the same.
func (w *collecting) model(what, path string) Model {
	m := Model{Path: attest.Clean(path)}
	missing := 0
	skip := func(name string, err error) {
		missing++
		w.err(what+".entries["+name+"]", err)
	}
	kept := w.trees[path]
	if kept == nil {
		kept = new(tree)
		w.trees[path] = kept
	}
	files, release, err := listTree(w.ctx, path, kept, w.digests.opt.Now(), skip)
	if err != nil {
		w.err(what, err)
		return m
	}
	defer release()
	var late backlog
	entries := make(Manifest, 0, len(files))
	for _, mf := range files {
		if err := w.ctx.Err(); err != nil {
			missing++
			w.err(what, err)
			break
		}
		d, err := w.modelFile(mf)
		switch {
		case err == nil:
			entries = append(entries, Entry{Path: mf.path, Size: d.SizeBytes, FSVerity: [32]byte(d.FSVerity)})
			m.Freshness = weaker(m.Freshness, d.Freshness)
			if m.OldestMs == 0 || d.DigestAtMs < m.OldestMs {
				m.OldestMs = d.DigestAtMs
			}
		case late.add(err, d.SizeBytes):
		default:
			skip(mf.path, err)
		}
	}
	late.state(w.absent, what+".digest")
	if len(files) == 0 && missing == 0 {
		w.absent.Add(what+".digest", attest.NotPresent, "no file in it")
	}
	m.Files, m.SizeBytes = uint64(len(entries)), entries.Size()
	w.finish(what, &m, kept, entries, missing+late.files == 0)
	w.census(what+".census", path, &m, entries, late.files > 0)
	return m
}

// finish states the digest of a complete manifest, and its entries where they fit.
func (w *collecting) finish(what string, m *Model, kept *tree, entries Manifest, complete bool) {
	if complete && len(entries) > 0 {
		digest, err := kept.identity(entries)
		if err != nil {
			w.err(what+".digest", err)
		} else {
			m.Complete, m.Digest = true, digest[:]
		}
	}
	if len(entries) > MaxEntries {
		w.err(what+".entries", fmt.Errorf("%w: %d files, %d are stated at most; the digest covers all", proc.ErrOversize, len(entries), MaxEntries))
		return
	}
	if len(entries) > 0 {
		m.Entries = entries
	}
}

// census states what the headers of a complete model hold, as far as that was
// read; a census of some of its files would be a guess.
func (w *collecting) census(what, path string, m *Model, entries Manifest, hashing bool) {
	switch {
	case !m.Complete && hashing:
		w.absent.Add(what, attest.NotYet, "after its files are hashed")
		return
	case !m.Complete:
		w.absent.Add(what, attest.Failed, "the model is not complete")
		return
	}
	k := w.counts.of(path, [32]byte(m.Digest), entries)
	if k == nil {
		w.absent.Add(what, attest.NotYet, "headers are being read")
		return
	}
	m.Census = k.census
	for _, a := range k.absent {
		w.absent.Add(strings.TrimSuffix(what, "census")+a.What, a.Reason, "%s", a.Detail)
	}
}

// modelFile states one file. It is opened only if what is kept of it does not answer.
func (w *collecting) modelFile(mf modelFile) (FileDigest, error) {
	if mf.known {
		if d, ok := w.digests.unchanged(mf.key, false); ok {
			return d, nil
		}
	}
	f, err := mf.open()
	if err != nil {
		return FileDigest{}, err
	}
	defer f.Close()
	return w.digests.file(w.ctx, f, false, &w.budget)
}
