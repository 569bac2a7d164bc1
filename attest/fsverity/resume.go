package fsverity

import (
	"errors"
	"fmt"
	"io"
	"unsafe"
)

// errDone says that Options.Done is not what a pass over this file gave to Options.Sums.
var errDone = errors.New("sums of an earlier pass")

// resume folds Options.Done and moves the pass behind its chunks.
func (p *pass) resume() error {
	if p.opt.Done == nil {
		return nil
	}
	buf := make([]byte, batch)
	for {
		n, err := io.ReadFull(p.opt.Done, buf)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: %w", errDone, err)
		}
		if err := p.skip(buf[:n]); err != nil {
			return err
		}
		if err != nil {
			break
		}
	}
	if p.opt.Progress != nil && p.turn > 0 {
		p.opt.Progress(min(p.turn*ChunkSize, p.size))
	}
	return nil
}

// skip takes the next sums. Only those of the file's last chunk may be fewer than a chunk has.
func (p *pass) skip(sums []byte) error {
	const each = ChunkSize / SpanSize
	at, n := p.turn*each, int64(len(sums)/HashSize)
	left := ceil(p.size, SpanSize) - at
	switch {
	case n == 0 && len(sums) == 0:
		return nil
	case len(sums)%HashSize != 0 || n > left || n%each != 0 && n != left:
		return fmt.Errorf("%w: %d bytes after those of %d spans, of a file of %d bytes", errDone, len(sums), at, p.size)
	case p.size <= BlockSize:
		p.fold.push(0, sums)
		p.fold.sums = nil // it was all
	default:
		p.fold.resume(sums, min(n*perBlock, ceil(p.size, BlockSize)-at*perBlock))
	}
	p.turn += ceil(n, each)
	p.next = p.turn
	return nil
}

// Buffer returns memory that direct reads take: its address is a multiple of a block.
func Buffer(n int) []byte {
	b := make([]byte, n+BlockSize)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) % BlockSize)
	return b[skip : skip+n : skip+n]
}
