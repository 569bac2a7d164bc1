package runlog

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// fullDisk takes so many bytes more, and fails as often as asked for elsewhere.
type fullDisk struct {
	handle
	room              int
	failSync, failCut int
}

var errNoSpace = errors.New("no space left on device")

func (f *fullDisk) WriteAt(b []byte, off int64) (int, error) {
	if len(b) <= f.room {
		return f.handle.WriteAt(b, off)
	}
	n, err := f.handle.WriteAt(b[:f.room], off)
	if err == nil {
		err = errNoSpace
	}
	return n, err
}

func (f *fullDisk) Sync() error {
	if f.failSync > 0 {
		f.failSync--
		return io.ErrShortWrite
	}
	return f.handle.Sync()
}

func (f *fullDisk) Truncate(n int64) error {
	if f.failCut > 0 {
		f.failCut--
		return io.ErrShortWrite
	}
	return f.handle.Truncate(n)
}

type memory struct{ value []byte }

func (m *memory) Read(context.Context) (map[uint16][]byte, error) {
	return map[uint16][]byte{SHA256: m.value}, nil
}

func (m *memory) Extend(_ context.Context, d map[uint16][]byte) error {
	h := sha256.Sum256(append(m.value[:32:32], d[SHA256]...))
	m.value = h[:]
	return nil
}

func TestAFailingDiskExtendsNothing(t *testing.T) {
	for name, disk := range map[string]*fullDisk{
		"full at once":              {room: 0},
		"full within a record":      {room: 100},
		"fsync fails":               {room: 1 << 20, failSync: 1},
		"full, and cannot be cut":   {room: 100, failCut: 1},
		"fsync fails, and cut also": {room: 1 << 20, failSync: 2, failCut: 1},
	} {
		m := &memory{value: make([]byte, 32)}
		path := filepath.Join(t.TempDir(), "log")
		o := Options{Path: path, BootID: [16]byte{1}, PCR: 13, Register: m, Clock: func() time.Time { return time.UnixMilli(1) }}
		l, err := Open(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		s := Start{Version: "1"}
		if _, err := l.Append(context.Background(), TypeStart, s.Facts()); err != nil {
			t.Fatal(err)
		}
		before := m.value
		disk.handle = l.disk.handle
		l.disk.handle = disk
		for i := 0; err == nil; i++ {
			if _, err = l.Append(context.Background(), TypeEngine, Facts{"n": uint64(i)}); err == nil {
				t.Fatalf("%s: an event went through", name)
			}
		}
		if errors.Is(err, ErrPending) || errors.Is(err, ErrForeign) || string(m.value) != string(before) {
			t.Errorf("%s: %v", name, err)
		}
		disk.room, disk.failSync, disk.failCut = 1<<20, 0, 0
		if _, err := l.Append(context.Background(), TypeStop, nil); err != nil {
			t.Errorf("%s: with room again: %v", name, err)
		}
		l.Close()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		list, err := NewReplay(SHA256, 13).Continue(b)
		if err != nil || len(list.Records) != 2 || list.Pending != 0 || string(list.At(2).Register) != string(m.value) {
			t.Errorf("%s: %d records, %d bytes behind, %v", name, len(list.Records), list.Pending, err)
		}
	}
}
