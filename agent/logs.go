package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/hallmark-attest/hallmark/attest"
)

// LogReader reads a log from a byte on: at most so many bytes, and whether the
// log goes on after them. An *attest.AbsentError says why there is no such log.
// Logs only grow while a host is up, so an offset keeps its meaning until it restarts.
type LogReader func(ctx context.Context, offset uint64, most int) (b []byte, more bool, err error)

// Paths of the kernel's own logs below its security file system.
const (
	BootLogPath = "/sys/kernel/security/tpm0/binary_bios_measurements"
	IMALogPath  = "/sys/kernel/security/ima/binary_runtime_measurements"
)

// FileLog reads a log that is a file. The kernel makes its logs anew for every
// reader, and only root may open them; the package's unit grants that.
func FileLog(path string) LogReader {
	return func(_ context.Context, offset uint64, most int) ([]byte, bool, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, false, logAbsent(path, err)
		}
		defer f.Close()
		if offset > 1<<62 {
			return nil, false, fmt.Errorf("%s: offset %d", path, offset)
		}
		// Read, never sought: Linux (6.1) gives the boot log's last event once more to whoever begins to read at its end.
		if _, err := io.CopyN(io.Discard, f, int64(offset)); err != nil {
			if errors.Is(err, io.EOF) {
				return nil, false, nil
			}
			return nil, false, logAbsent(path, err)
		}
		b := make([]byte, most+1) // one more byte tells whether there is more
		n, err := io.ReadFull(f, b)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, false, logAbsent(path, err)
		}
		return b[:min(n, most)], n > most, nil
	}
}

func logAbsent(path string, err error) error {
	reason := attest.Failed
	switch {
	case errors.Is(err, fs.ErrNotExist):
		reason = attest.NotPresent
	case errors.Is(err, fs.ErrPermission):
		reason = attest.NotPermitted
	}
	return &attest.AbsentError{Absence: attest.Absent("", reason, "%s: %s", path, attest.Clean(err.Error()))}
}

// LogParams ask for a stretch of one log.
type LogParams struct {
	Name   string `cbor:"name"`
	Offset uint64 `cbor:"offset"`
	Most   uint32 `cbor:"most"`
}

// maxLogChunk is the most that one reply of the link carries.
const maxLogChunk = 512 << 10

// Log implements Half.
func (c *Collector) Log(ctx context.Context, p *LogParams) (*attest.Part, error) {
	part := &attest.Part{Offset: p.Offset, Bytes: []byte{}}
	read, ok := c.o.Logs[p.Name]
	if p.Name == attest.LogIMA && c.related != nil {
		read = c.relatedIMA
	}
	if !ok {
		a := attest.Absent(p.Name, attest.NotConfigured, "this node sends no such log")
		part.Absent = &a
		return part, nil
	}
	b, more, err := read(ctx, p.Offset, int(min(p.Most, maxLogChunk)))
	var why *attest.AbsentError
	switch {
	case errors.As(err, &why):
		a := why.Absence
		a.What = p.Name
		part.Absent = &a
	case err != nil:
		a := attest.Absent(p.Name, attest.Failed, "%s", attest.Clean(err.Error()))
		part.Absent = &a
	case len(b) > 0:
		part.Bytes, part.More = b, more
	default:
		part.More = more // Bytes stay the empty string that is not nil
	}
	return part, nil
}
