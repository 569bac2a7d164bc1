package host

import (
	"context"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// Measure identifies an open file. name is for people; the digests are of the
// descriptor's bytes.
func Measure(ctx context.Context, f *os.File, name string) (MappedFile, error) {
	info, err := f.Stat()
	if err != nil {
		return MappedFile{}, err
	}
	if !info.Mode().IsRegular() {
		return MappedFile{}, fmt.Errorf("%s: %w", name, proc.ErrNotRegular)
	}
	if info.Size() > MaxFileSize {
		return MappedFile{}, fmt.Errorf("%s: %w of %d bytes", name, proc.ErrOversize, int64(MaxFileSize))
	}
	digest, plain, err := fsverity.Both(ctx, f, info.Size(), fsverity.Options{})
	if err != nil {
		return MappedFile{}, fmt.Errorf("%s: %w", name, err)
	}
	return MappedFile{Path: attest.Clean(name), SizeBytes: uint64(info.Size()), FSVerity: digest[:], SHA256: plain[:], BuildID: buildID(f)}, nil
}

// buildID returns the ELF build id; a file without one, or not ELF, has none.
func buildID(r io.ReaderAt) []byte {
	e, err := elf.NewFile(r)
	if err != nil {
		return nil
	}
	s := e.Section(".note.gnu.build-id")
	if s == nil || s.Size > maxAttribute {
		return nil
	}
	b, err := s.Data()
	if err != nil {
		return nil
	}
	id, err := parseBuildID(b)
	if err != nil {
		return nil
	}
	return id
}

// Mapped identifies the executable file whose base name begins with prefix among
// a process's mappings: for the GPU probe and "libnvidia-ml.so", the library
// that truly answered, whatever the probe says it opened. Two different files of
// that name are an error: one of them is a shim.
func Mapped(ctx context.Context, p proc.FS, pid int, prefix string) (MappedFile, error) {
	maps, err := p.Maps(pid)
	if err != nil {
		return MappedFile{}, err
	}
	var hit *proc.Mapping
	for i, m := range maps {
		if !m.Executable() || !strings.HasPrefix(path.Base(m.Path), prefix) {
			continue
		}
		if hit != nil && (hit.Dev != m.Dev || hit.Inode != m.Inode) {
			return MappedFile{}, fmt.Errorf("process %d maps both %s and %s", pid, hit.Path, m.Path)
		}
		hit = &maps[i]
	}
	if hit == nil {
		return MappedFile{}, fmt.Errorf("process %d maps no %s*: %w", pid, prefix, os.ErrNotExist)
	}
	f, exact, err := p.OpenMapping(pid, *hit)
	if err != nil {
		return MappedFile{}, err
	}
	defer f.Close()
	out, err := Measure(ctx, f, hit.Path)
	out.Exact = exact
	return out, err
}
