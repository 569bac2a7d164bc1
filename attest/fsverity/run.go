package fsverity

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
)

// pass is one computation. Workers claim chunks in order, hash them side by
// side, and hand their results over in order: whoever holds the next chunk has
// the turn. So nothing is queued, and memory is one chunk a worker.
type pass struct {
	r     io.ReaderAt
	size  int64
	opt   Options
	plain hash.Hash // nil unless the plain SHA-256 is wanted too; only touched by the holder of the turn
	tree  tree      // likewise

	mu   sync.Mutex
	cond *sync.Cond
	next int64 // chunk to claim
	turn int64 // chunk whose results are due
	err  error // first failure; ends everybody
}

func run(ctx context.Context, r io.ReaderAt, size int64, opt Options, plain hash.Hash) (digest, sum [32]byte, err error) {
	if err := opt.check(size); err != nil {
		return digest, sum, err
	}
	p := &pass{r: r, size: size, opt: opt, plain: plain, tree: tree{k: newHasher(opt.Salt)}}
	p.cond = sync.NewCond(&p.mu)
	var wg sync.WaitGroup
	for range opt.workers(size) {
		wg.Go(func() { p.work(ctx) })
	}
	wg.Wait()
	if p.err == nil {
		p.err = p.atEnd()
	}
	if p.err != nil {
		return digest, sum, fmt.Errorf("fsverity: %w", p.err)
	}
	if plain != nil {
		plain.Sum(sum[:0])
	}
	return descriptor(p.tree.root(), size, opt.Salt), sum, nil
}

func (p *pass) work(ctx context.Context) {
	k := newHasher(p.opt.Salt)
	buf := make([]byte, min(ChunkSize, (p.size+BlockSize-1)/BlockSize*BlockSize))
	leaves := make([]byte, 0, BlockSize)
	sums := make([]byte, 0, ChunkSize/BlockSize/perBlock*HashSize)
	for {
		n, ok := p.claim()
		if !ok {
			return
		}
		data, err := p.read(ctx, buf, n*ChunkSize)
		if err != nil {
			p.fail(err)
			return
		}
		blocks := buf[:(len(data)+BlockSize-1)/BlockSize*BlockSize]
		clear(blocks[len(data):])
		if p.size <= BlockSize {
			sums = k.block(sums[:0], blocks) // one block: its hash is the root, there is no tree block
		} else {
			sums = k.fold(sums[:0], leaves, blocks)
		}
		if !p.deliver(n, data, sums) {
			return
		}
	}
}

func (p *pass) claim() (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.next
	if p.err != nil || n*ChunkSize >= p.size {
		return 0, false
	}
	p.next++
	return n, true
}

// read fills buf with the bytes at off; only the file's end may make it shorter.
func (p *pass) read(ctx context.Context, buf []byte, off int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	want := min(int64(len(buf)), p.size-off)
	n, err := p.r.ReadAt(buf[:want], off)
	if int64(n) == want {
		return buf[:n], nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %d bytes at offset %d, expected %d", ErrSize, n, off, want)
	}
	return nil, fmt.Errorf("read at offset %d: %w", off, err)
}

// deliver waits for the turn of chunk n. The slow part, the plain SHA-256, runs
// without the lock: nobody else can have the turn meanwhile.
func (p *pass) deliver(n int64, data, sums []byte) bool {
	p.mu.Lock()
	for p.turn != n && p.err == nil {
		p.cond.Wait()
	}
	failed := p.err != nil
	p.mu.Unlock()
	if failed {
		return false
	}
	if p.plain != nil {
		p.plain.Write(data)
	}
	for ; len(sums) > 0; sums = sums[HashSize:] {
		p.tree.push(0, sums[:HashSize])
	}
	if p.opt.Progress != nil {
		p.opt.Progress(n*ChunkSize + int64(len(data)))
	}
	p.mu.Lock()
	p.turn++
	p.mu.Unlock()
	p.cond.Broadcast()
	return true
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
