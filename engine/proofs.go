package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// proofDeadline is how long the proofs of one challenge may take: 32 blocks are at
// most 16 MiB of reads, on a disk that nobody else keeps busy a tenth of a second.
const proofDeadline = 2 * time.Second

// prover is what Collector.Blocks needs beside the digests.
type prover struct {
	turn chan struct{} // held by the proofs under way, also by those nobody waits for any more

	mu       sync.Mutex
	complete map[string]attest.Digest // the last complete manifest of each configured path
}

func newProver() *prover {
	return &prover{turn: make(chan struct{}, 1), complete: map[string]attest.Digest{}}
}

// measured notes what Collect states of a configured path: who asks for the
// model later, asks for what was stated.
func (p *prover) measured(path string, m *Model) {
	if !m.Complete {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complete[path] = attest.Digest(m.Digest)
}

// was finds the path whose last complete manifest had a digest.
func (p *prover) was(model attest.Digest, paths []string) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(paths, func(path string) bool { d, ok := p.complete[path]; return ok && d == model })
	if i < 0 {
		return "", false
	}
	return paths[i], true
}

// Blocks proves the blocks of models that a nonce picks, or says why not, one
// answer for each request. It reads at most 512 KiB for each block of a large
// file, a small one whole and once. One call at a time is served; it returns
// within two seconds, also where a disk does not.
func (c *Collector) Blocks(ctx context.Context, nonce attest.Nonce, asked []attest.BlockRequest) []attest.BlockAnswer {
	ctx, cancel := context.WithTimeout(ctx, proofDeadline)
	defer cancel()
	late := func(why string) []attest.BlockAnswer {
		out := make([]attest.BlockAnswer, len(asked))
		for i, r := range asked {
			out[i] = attest.NoBlocks(r.Model, attest.Timeout, "%s within %v", why, proofDeadline)
		}
		return out
	}
	select {
	case c.proofs.turn <- struct{}{}:
	case <-ctx.Done():
		return late("other proofs were not done")
	}
	done := make(chan []attest.BlockAnswer, 1)
	go func() {
		defer func() { <-c.proofs.turn }()
		out := make([]attest.BlockAnswer, len(asked))
		for i, r := range asked {
			out[i] = c.prove(ctx, nonce, r)
		}
		done <- out
	}()
	select {
	case out := <-done:
		return out
	case <-ctx.Done():
		return late("not read")
	}
}

// prove answers one request.
func (c *Collector) prove(ctx context.Context, nonce attest.Nonce, r attest.BlockRequest) attest.BlockAnswer {
	now, err := c.modelOf(ctx, r.Model)
	if err != nil {
		return noBlocks(r.Model, err)
	}
	defer now.release()
	blocks, paths, err := now.prove(ctx, c.digests, nonce, r)
	if err != nil {
		return noBlocks(r.Model, err)
	}
	return attest.NewBlockAnswer(r.Model, blocks, paths)
}

// errNoModel says that no configured model has the digest asked for.
var errNoModel = errors.New("no configured model has this digest")

// errNoBlock says that all files of the model are empty.
var errNoBlock = errors.New("all files of the model are empty")

// errSince says that the files are not those that were measured.
var errSince = errors.New("changed since it was measured")

// noBlocks is an absence with the reason that this package's errors carry.
func noBlocks(model attest.Digest, err error) attest.BlockAnswer {
	reason := proc.Reason(err)
	var later *NotYetError
	switch {
	case errors.Is(err, errSince), errors.Is(err, proc.ErrChanged):
		reason = attest.Changed
	case errors.Is(err, errNoModel), errors.Is(err, errNoBlock):
		reason = attest.NotPresent
	case errors.As(err, &later), errors.Is(err, ErrBusy):
		reason = attest.NotYet
	}
	return attest.NoBlocks(model, reason, "%s", attest.Clean(err.Error()))
}

// modelNow is a model as its files are, with a digest of each.
type modelNow struct {
	manifest Manifest
	files    []modelFile // as many, in the same order
	release  func()
}

// modelOf finds the model of a digest and looks whether it still has it. Every
// file is opened and its stat compared, as for each Collect; none is read but
// small ones that nobody has hashed yet.
func (c *Collector) modelOf(ctx context.Context, model attest.Digest) (*modelNow, error) {
	paths := c.modelPaths()
	if path, ok := c.proofs.was(model, paths); ok {
		now, err := c.modelNow(ctx, path, model)
		var later *NotYetError
		if errors.Is(err, errNoModel) || errors.As(err, &later) {
			err = fmt.Errorf("%w: %w", errSince, err)
		}
		return now, err
	}
	worst := errNoModel
	for _, path := range paths {
		now, err := c.modelNow(ctx, path, model)
		if err == nil {
			return now, nil
		}
		if !errors.Is(err, errNoModel) {
			worst = err // it may be the one asked for
		}
	}
	return nil, worst
}

func (c *Collector) modelPaths() (paths []string) {
	for _, e := range c.cfg.Engines {
		for _, path := range e.Models {
			if !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// modelNow lists a path's files with their digests; errNoModel where they make another model.
func (c *Collector) modelNow(ctx context.Context, path string, model attest.Digest) (*modelNow, error) {
	var first error
	files, release, err := listModel(ctx, path, func(name string, err error) {
		if first == nil {
			first = fmt.Errorf("%s: %w", name, err)
		}
	})
	if err != nil {
		return nil, err
	}
	now := &modelNow{files: files, release: release}
	budget := c.digests.opt.BudgetBytes
	for _, mf := range files {
		if first == nil {
			first = ctx.Err()
		}
		if first != nil {
			break
		}
		var e Entry
		if e, first = c.entryNow(ctx, mf, &budget); first == nil {
			now.manifest = append(now.manifest, e)
		}
	}
	if first == nil && len(files) == 0 {
		first = errNoModel
	}
	if first == nil {
		var d attest.Digest
		if d, first = now.manifest.Digest(); first == nil && d != model {
			first = errNoModel
		}
	}
	if first != nil {
		release()
		return nil, first
	}
	return now, nil
}

func (c *Collector) entryNow(ctx context.Context, mf modelFile, budget *int64) (Entry, error) {
	f, err := mf.open()
	if err != nil {
		return Entry{}, fmt.Errorf("%s: %w", mf.path, err)
	}
	defer f.Close()
	d, err := c.digests.file(ctx, f, false, budget)
	if err != nil {
		return Entry{}, fmt.Errorf("%s: %w", mf.path, err)
	}
	return Entry{Path: mf.path, Size: d.SizeBytes, FSVerity: [32]byte(d.FSVerity)}, nil
}

// provable is an open file of a model.
type provable struct {
	file   *os.File
	blocks *Blocks
}

func (p provable) close() {
	p.blocks.Close()
	p.file.Close()
}

// prove reads the blocks that the nonce picks, and checks each proof as the
// verifier will: what does not prove is not sent.
func (n *modelNow) prove(ctx context.Context, d *Digests, nonce attest.Nonce, r attest.BlockRequest) (blocks [][]byte, paths [][][]byte, err error) {
	total := n.manifest.Blocks()
	if total == 0 {
		return nil, nil, errNoBlock
	}
	open := map[int]provable{}
	defer func() {
		for _, p := range open {
			p.close()
		}
	}()
	for j := range r.Count {
		i, index := n.manifest.BlockAt(attest.BlockIndex(nonce, r.Model, j, total))
		e := n.manifest[i]
		p, ok := open[i]
		if !ok {
			if p, err = n.open(ctx, d, i); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", e.Path, err)
			}
			open[i] = p
		}
		block, path, err := p.blocks.At(ctx, index)
		if err == nil {
			err = fsverity.VerifyBlock(e.FSVerity, int64(e.Size), nil, index, block, path)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: block %d: %w", e.Path, index, err)
		}
		blocks, paths = append(blocks, block), append(paths, path)
	}
	return blocks, paths, nil
}

// open opens a file for proofs; one that is not the manifest's any more has changed.
func (n *modelNow) open(ctx context.Context, d *Digests, i int) (provable, error) {
	f, err := n.files[i].open()
	if err != nil {
		return provable{}, err
	}
	b, err := d.Blocks(ctx, f)
	if err != nil {
		f.Close()
		return provable{}, err
	}
	p := provable{f, b}
	if e := n.manifest[i]; b.Digest != e.FSVerity || uint64(b.SizeBytes) != e.Size {
		p.close()
		return provable{}, errSince
	}
	return p, nil
}
