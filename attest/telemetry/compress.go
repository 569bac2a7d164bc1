package telemetry

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// The agent packs one chunk a minute: an encoder is made, used and dropped, so that
// nothing of it stays in memory for the other 59 seconds. A chunk is all of its window.
func compress(columns []byte) ([]byte, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
		zstd.WithWindowSize(1<<20), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, fmt.Errorf("telemetry chunk: %w", err)
	}
	defer e.Close()
	return e.EncodeAll(columns, nil), nil
}

// decoders are kept: a verifier unpacks thousands of chunks.
var decoders = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(MaxColumns+1), zstd.WithDecoderMaxWindow(MaxColumns))
	if err != nil {
		return nil
	}
	return d
}}

// decompress gives exactly size bytes or an error; it reads no more than that,
// whatever a frame says of its own size.
func decompress(body []byte, size int) ([]byte, error) {
	d, _ := decoders.Get().(*zstd.Decoder)
	if d == nil {
		return nil, errors.New("zstd cannot be set up")
	}
	defer decoders.Put(d)
	if err := d.Reset(bytes.NewReader(body)); err != nil {
		return nil, err
	}
	defer d.Reset(nil) //nolint:errcheck // forgets body
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(d, int64(size)+1))
	if err != nil {
		return nil, err
	}
	if n != int64(size) {
		return nil, fmt.Errorf("columns are not of the %d bytes stated", size)
	}
	return out.Bytes(), nil
}
