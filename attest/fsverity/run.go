package fsverity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// ahead is how many chunks may be hashed before their turn, for each worker: one
// slow read does not stop the others.
const ahead = 4

// pass is one computation. Workers claim chunks in order and read and hash them
// side by side. Hashes are folded in order, by whichever worker brings the next;
// meanwhile a few chunks' hashes wait, 8 KiB each.
type pass struct {
	r       io.ReaderAt
	size    int64
	opt     Options
	workers int
	tee     io.Writer // nil unless somebody wants the bytes themselves; touched by the worker whose turn it is
	fold    fold      // touched by the worker that has set folding

	mu      sync.Mutex
	cond    *sync.Cond
	next    int64            // chunk to claim
	turn    int64            // chunk whose hashes are due
	ready   map[int64][]byte // hashes ahead of their turn
	spare   [][]byte         // what was in ready, to be used again
	folding bool
	err     error // first failure; ends everybody
}

func run(ctx context.Context, r io.ReaderAt, size int64, opt Options, tee io.Writer) (digest [32]byte, err error) {
	if err := opt.check(size); err != nil {
		return digest, err
	}
	p := &pass{r: r, size: size, opt: opt, workers: opt.workers(size), tee: tee, ready: map[int64][]byte{},
		fold: fold{h: newHasher(opt.Salt, opt.Portable), sums: opt.Sums}}
	p.cond = sync.NewCond(&p.mu)
	if p.err = p.resume(); p.err == nil {
		var wg sync.WaitGroup
		for range p.workers {
			wg.Go(func() { p.work(ctx) })
		}
		wg.Wait()
	}
	if p.err == nil {
		p.err = p.atEnd()
	}
	var root [32]byte
	if p.err == nil {
		root = p.fold.root()
		p.err = p.fold.err
	}
	if p.err != nil {
		return digest, fmt.Errorf("fsverity: %w", p.err)
	}
	return descriptor(root, size, opt.Salt), nil
}

func (p *pass) work(ctx context.Context) {
	if p.opt.Worker != nil {
		p.opt.Worker()
	}
	h := newHasher(p.opt.Salt, p.opt.Portable)
	buf := Buffer(int(min(ChunkSize, ceil(p.size, BlockSize)*BlockSize)))
	for {
		n, leaves, ok := p.claim()
		if !ok {
			return
		}
		data, err := p.read(ctx, buf, n*ChunkSize)
		if err != nil {
			p.fail(err)
			return
		}
		blocks := buf[:ceil(int64(len(data)), BlockSize)*BlockSize]
		clear(blocks[len(data):])
		leaves = leaves[:len(blocks)/perBlock]
		h.Sum(leaves, blocks)
		if !p.inTurn(n, data) || !p.deliver(n, leaves) {
			return
		}
	}
}

// claim returns the next chunk, and room for its hashes.
func (p *pass) claim() (int64, []byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.err == nil && p.next-p.turn >= int64(ahead*p.workers) {
		p.cond.Wait()
	}
	n := p.next
	if p.err != nil || n*ChunkSize >= p.size {
		return 0, nil, false
	}
	p.next++
	if k := len(p.spare); k > 0 {
		b := p.spare[k-1]
		p.spare = p.spare[:k-1]
		return n, b, true
	}
	return n, make([]byte, min(ChunkSize, ceil(p.size, BlockSize)*BlockSize)/perBlock), true
}

// read fills buf with the bytes at off; only the file's end may make it shorter.
// It asks for whole blocks, which suits direct reads and shows a file that grew.
func (p *pass) read(ctx context.Context, buf []byte, off int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	want := min(int64(len(buf)), p.size-off)
	if p.opt.Wait != nil {
		if err := p.opt.Wait(ctx, int(want)); err != nil {
			return nil, err
		}
	}
	n, err := p.r.ReadAt(buf[:ceil(want, BlockSize)*BlockSize], off)
	switch {
	case int64(n) == want && (err == nil || errors.Is(err, io.EOF)):
		return buf[:n], nil
	case err == nil || errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: %d bytes at offset %d, expected %d", ErrSize, n, off, want)
	}
	return nil, fmt.Errorf("read at offset %d: %w", off, err)
}

// inTurn feeds whoever needs the bytes themselves in order. The
// slow part runs without the lock: nobody else can have the turn meanwhile.
func (p *pass) inTurn(n int64, data []byte) bool {
	if p.tee == nil {
		return true
	}
	p.mu.Lock()
	for p.turn != n && p.err == nil {
		p.cond.Wait()
	}
	failed := p.err != nil
	p.mu.Unlock()
	if failed {
		return false
	}
	if _, err := p.tee.Write(data); err != nil {
		p.fail(err)
		return false
	}
	return true
}

// deliver hands over the hashes of chunk n. If nobody is at it, it folds all
// that are due.
func (p *pass) deliver(n int64, leaves []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready[n] = leaves
	if p.folding {
		return p.err == nil
	}
	p.folding = true
	for p.err == nil {
		due, ok := p.ready[p.turn]
		if !ok {
			break
		}
		delete(p.ready, p.turn)
		p.mu.Unlock()
		p.fold.push(0, due)
		if p.opt.Progress != nil {
			p.opt.Progress(min((p.turn+1)*ChunkSize, p.size))
		}
		p.mu.Lock()
		if p.err == nil {
			p.err = p.fold.err
		}
		p.spare = append(p.spare, due[:cap(due)])
		p.turn++
		p.cond.Broadcast()
	}
	p.folding = false
	return p.err == nil
}

func (p *pass) fail(err error) {
	p.mu.Lock()
	if p.err == nil {
		p.err = err
	}
	p.mu.Unlock()
	p.cond.Broadcast()
}

// atEnd refuses a source that goes on after size: a digest of a prefix would
// pass for the digest of the file.
func (p *pass) atEnd() error {
	var one [1]byte
	n, err := p.r.ReadAt(one[:], p.size)
	switch {
	case n > 0:
		return fmt.Errorf("%w: goes on after %d bytes", ErrSize, p.size)
	case err == nil || errors.Is(err, io.EOF):
		return nil
	}
	return fmt.Errorf("read at offset %d: %w", p.size, err)
}
