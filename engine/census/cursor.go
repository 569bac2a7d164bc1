package census

import (
	"context"
	"errors"
	"io"
)

var (
	// errShort says that a header goes on where the file, or the header's own length, ends.
	errShort = errors.New("ends within its header")
	// errShrunk says that a file has fewer bytes than were stated.
	errShrunk = errors.New("shorter than its size")
)

// cursor reads a range of a file forward through a small buffer. It never reads
// beyond end, and looks at the context before each read.
type cursor struct {
	ctx  context.Context
	src  io.ReaderAt
	off  int64 // of the byte after the buffer
	end  int64
	buf  []byte
	r, w int
}

const bufferBytes = 64 << 10

func newCursor(ctx context.Context, src io.ReaderAt, from, end int64) *cursor {
	return &cursor{ctx: ctx, src: src, off: from, end: end, buf: make([]byte, bufferBytes)}
}

// pos is the offset of the next byte.
func (c *cursor) pos() int64 { return c.off - int64(c.w-c.r) }

func (c *cursor) fill() error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	n := min(int64(len(c.buf)), c.end-c.off)
	if n <= 0 {
		return errShort
	}
	got, err := c.src.ReadAt(c.buf[:n], c.off)
	if got == 0 && (err == nil || errors.Is(err, io.EOF)) {
		return errShrunk
	}
	if got == 0 {
		return err
	}
	c.r, c.w, c.off = 0, got, c.off+int64(got)
	return nil
}

func (c *cursor) peek() (byte, error) {
	if c.r == c.w {
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	return c.buf[c.r], nil
}

func (c *cursor) next() (byte, error) {
	b, err := c.peek()
	if err == nil {
		c.r++
	}
	return b, err
}

// full reads exactly len(p) bytes.
func (c *cursor) full(p []byte) error {
	for len(p) > 0 {
		if _, err := c.peek(); err != nil {
			return err
		}
		n := copy(p, c.buf[c.r:c.w])
		c.r, p = c.r+n, p[n:]
	}
	return nil
}

// skip goes n bytes forward without reading them.
func (c *cursor) skip(n uint64) error {
	if n > uint64(c.end-c.pos()) {
		return errShort
	}
	if in := uint64(c.w - c.r); n > in {
		c.off += int64(n - in)
		c.r, c.w = 0, 0
		return c.ctx.Err()
	}
	c.r += int(n)
	return nil
}
