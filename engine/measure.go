package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/attest/fsverity/disk"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// Measure reads a model, a file or a directory, and returns its manifest: what a
// reference is made of. Any file that cannot be part of it is an error that names
// the file, for an incomplete manifest is no reference. progress, if not nil, is
// told the bytes read so far and their total.
func Measure(ctx context.Context, path string, progress func(done, total int64)) (Manifest, error) {
	return measure(ctx, path, nil, progress)
}

// MeasureTee is Measure, and in the same pass writes the bytes of each file in
// order to what tee gives for it: for the digests that publishers sign, which
// cannot be computed in parallel.
func MeasureTee(ctx context.Context, path string, tee Tee, progress func(done, total int64)) (Manifest, error) {
	return measure(ctx, path, tee, progress)
}

// Tee gives a writer for the bytes of one file of a model.
type Tee func(path string, size uint64) io.Writer

func measure(ctx context.Context, path string, tee Tee, progress func(done, total int64)) (Manifest, error) {
	var first error
	files, release, err := listModel(ctx, path, func(name string, err error) {
		if first == nil {
			first = fmt.Errorf("%s: %w", name, err)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("measure %s: %w", path, err)
	}
	defer release()
	if first == nil && len(files) == 0 {
		first = errors.New("no file")
	}
	if first != nil {
		return nil, fmt.Errorf("measure %s: %w", path, first)
	}
	m, err := measureFiles(ctx, files, tee, progress)
	if err != nil {
		return nil, fmt.Errorf("measure %s: %w", path, err)
	}
	return m, m.Check()
}

func measureFiles(ctx context.Context, files []modelFile, tee Tee, progress func(done, total int64)) (Manifest, error) {
	var done, total int64
	if progress != nil {
		for _, mf := range files {
			f, err := mf.open()
			if err != nil {
				return nil, err
			}
			key, err := keyOf(f)
			f.Close()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", mf.path, err)
			}
			total += key.size
		}
	}
	m := make(Manifest, 0, len(files))
	for _, mf := range files {
		e, err := measureFile(ctx, mf, tee, func(n int64) {
			if progress != nil {
				progress(done+n, total)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", mf.path, err)
		}
		done += int64(e.Size)
		m = append(m, e)
	}
	return m, nil
}

func measureFile(ctx context.Context, mf modelFile, tee Tee, progress func(int64)) (Entry, error) {
	f, err := mf.open()
	if err != nil {
		return Entry{}, err
	}
	defer f.Close()
	key, err := keyOf(f)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Path: mf.path, Size: uint64(key.size)}
	d := disk.Open(f)
	defer d.Close()
	opt := fsverity.Options{Workers: d.Workers(), Progress: progress}
	if tee != nil {
		e.FSVerity, err = fsverity.Tee(ctx, d, key.size, opt, tee(e.Path, e.Size))
	} else {
		e.FSVerity, err = fsverity.Digest(ctx, d, key.size, opt)
	}
	if err != nil {
		return Entry{}, err
	}
	if after, err := keyOf(f); err != nil || after != key {
		return Entry{}, fmt.Errorf("%w: written to while it was read", proc.ErrChanged)
	}
	return e, nil
}
