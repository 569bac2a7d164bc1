package engine

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine/census"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// errMoved says that a file is not, or not surely, the one that the manifest names.
var errMoved = fmt.Errorf("%w: not the file that the manifest names", proc.ErrChanged)

// Census takes the census of a model whose manifest was measured a moment ago.
// Files that the manifest does not name are not looked at; one whose size has
// changed is an error. Contents are not hashed again: whoever changes files while
// they are measured gets what he asked for.
func Census(ctx context.Context, path string, m Manifest) (*census.Census, []attest.Absence, error) {
	c, absent, err := takeCensus(ctx, path, m, func(*os.File, fileKey, Entry) error { return nil })
	if err != nil {
		return nil, nil, fmt.Errorf("census of %s: %w", path, err)
	}
	return c, absent, nil
}

// takeCensus reads the headers of the files that m names, opened as they are for
// hashing. held judges whether an open file is the one of its entry. The error
// says that some file is not: nothing of such a census is worth stating.
func takeCensus(ctx context.Context, path string, m Manifest, held func(*os.File, fileKey, Entry) error) (*census.Census, []attest.Absence, error) {
	found, release, err := listModel(ctx, path, func(string, error) {}) // what cannot be in a manifest is not in this one
	if err != nil {
		return nil, nil, err
	}
	defer release()
	open := make(map[string]modelFile, len(found))
	for _, mf := range found {
		open[mf.path] = mf
	}
	var moved error
	files := make([]census.File, 0, len(m))
	for _, e := range m {
		mf, ok := open[e.Path]
		if !ok {
			return nil, nil, fmt.Errorf("%s: %w", e.Path, errMoved)
		}
		files = append(files, census.File{Path: e.Path, Size: e.Size, Open: func(context.Context) (census.Source, error) {
			s, err := openCounted(mf, e, held)
			if err != nil {
				moved = errors.Join(moved, fmt.Errorf("%s: %w", e.Path, err))
				return nil, err
			}
			s.moved = &moved
			return s, nil
		}})
	}
	c, absent := census.Read(ctx, files)
	return c, absent, errors.Join(moved, ctx.Err())
}

// counted is an open weight file that was, before its header was read, and must
// be afterwards the file of its manifest entry.
type counted struct {
	*os.File
	key   fileKey
	moved *error
}

func openCounted(mf modelFile, e Entry, held func(*os.File, fileKey, Entry) error) (*counted, error) {
	f, err := mf.open()
	if err != nil {
		return nil, err
	}
	key, err := keyOf(f)
	if err == nil && uint64(key.size) != e.Size {
		err = errMoved
	}
	if err == nil {
		err = held(f, key, e)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &counted{File: f, key: key}, nil
}

// Close also looks whether the file is as it was when it was opened.
func (s *counted) Close() error {
	if after, err := keyOf(s.File); err != nil || after != s.key {
		*s.moved = errors.Join(*s.moved, fmt.Errorf("%s: %w", s.Name(), errMoved))
	}
	return s.File.Close()
}
