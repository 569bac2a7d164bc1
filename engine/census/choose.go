package census

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// choose finds the files that make up the model.
func (r *reader) choose() error {
	r.index = -1
	byRole := map[role][]int{}
	for i, f := range r.files {
		k := roleOf(f.Path)
		if k == roleNone && !strings.Contains(path.Base(f.Path), ".") {
			k = r.sniff(i, len(byRole[roleNone]))
			byRole[roleNone] = append(byRole[roleNone], i)
		}
		if (k == roleTensors || k == roleGGUF || k == roleOther) && adapter(f.Path) {
			r.ignored = append(r.ignored, i)
			continue
		}
		if k != roleNone {
			byRole[k] = append(byRole[k], i)
		}
	}
	tensors, ggufs := r.uppermost(byRole[roleTensors]), r.uppermost(byRole[roleGGUF])
	r.ignored = append(r.ignored, byRole[roleOther]...)
	switch {
	case len(tensors) == 0 && len(ggufs) == 0 && len(byRole[roleOther]) > 0:
		return fmt.Errorf("%w: %s", errFormat, r.files[byRole[roleOther][0]].Path)
	case len(tensors) == 0 && len(ggufs) == 0:
		return errNone
	case len(tensors) > 0 && len(ggufs) > 0:
		return fmt.Errorf("two models: %s and %s", r.files[tensors[0]].Path, r.files[ggufs[0]].Path)
	}
	r.gguf = len(ggufs) > 0
	r.weights = append(tensors, ggufs...)
	if err := r.oneFolder(); err != nil {
		return err
	}
	if !r.gguf {
		if err := r.followIndex(byRole[roleIndex]); err != nil {
			return err
		}
	}
	if len(r.weights) > MaxFiles {
		return &limitError{"weight files", MaxFiles}
	}
	return nil
}

var (
	errNone   = errors.New("no safetensors or GGUF file")
	errFormat = errors.New("weights in a format that is not read")
)

// sniff looks for GGUF in a file without an extension, as Ollama names its blobs.
func (r *reader) sniff(i, before int) role {
	f := r.files[i]
	if before >= maxSniffed || f.Size < 24 || r.ctx.Err() != nil {
		return roleNone
	}
	var magic [4]byte
	err := f.with(r.ctx, func(src io.ReaderAt) error {
		return newCursor(r.ctx, src, 0, 4).full(magic[:])
	})
	if err == nil && string(magic[:]) == ggufMagic {
		return roleGGUF
	}
	return roleNone
}

// uppermost returns the files nearest the root; those below hold other forms of
// the model, which engines leave alone, and are ignored.
func (r *reader) uppermost(list []int) []int {
	depth := func(i int) int { return strings.Count(r.files[i].Path, "/") }
	least := 0
	for n, i := range list {
		if n == 0 || depth(i) < least {
			least = depth(i)
		}
	}
	return slices.DeleteFunc(list, func(i int) bool {
		if depth(i) > least {
			r.ignored = append(r.ignored, i)
			return true
		}
		return false
	})
}

// oneFolder: weights in two folders side by side are parts of a pipeline, not one model.
func (r *reader) oneFolder() error {
	r.dir = path.Dir(r.files[r.weights[0]].Path)
	for _, i := range r.weights {
		if d := path.Dir(r.files[i].Path); d != r.dir {
			return fmt.Errorf("weights in %s and in %s: which of them is the model is not known", r.dir, d)
		}
	}
	return nil
}

// followIndex narrows the files to those that the index names.
func (r *reader) followIndex(list []int) error {
	list = slices.DeleteFunc(list, func(i int) bool { return path.Dir(r.files[i].Path) != r.dir })
	if len(list) == 0 {
		return nil
	}
	if len(list) > 1 {
		return fmt.Errorf("two indexes: %s and %s", r.files[list[0]].Path, r.files[list[1]].Path)
	}
	r.index = list[0]
	f := r.files[r.index]
	if f.Size > MaxIndexBytes {
		return fmt.Errorf("%s: %w", f.Path, &limitError{"index", MaxIndexBytes})
	}
	var names []string
	err := f.with(r.ctx, func(src io.ReaderAt) (err error) {
		names, err = shards(r.cursor(src, f))
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	var kept []int
	for _, i := range r.weights {
		if _, named := slices.BinarySearch(names, path.Base(r.files[i].Path)); named {
			kept = append(kept, i)
		} else {
			r.ignored = append(r.ignored, i)
		}
	}
	r.weights = kept
	if len(kept) != len(names) || len(kept) == 0 {
		return fmt.Errorf("%s names %d files, %d of them are there", f.Path, len(names), len(kept))
	}
	return nil
}
