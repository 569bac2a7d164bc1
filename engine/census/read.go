package census

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
)

// Read takes the census of one model. It is nil where the model as a whole could
// not be counted; a census of some of its files would be a guess. Each absence
// names a path below "census" and, in its detail, the file.
//
// Files may be all files of the model's manifest, in any order: weights are
// looked for in the uppermost folder that has any, safetensors in the files that
// its index names, where it has one.
func Read(ctx context.Context, files []File) (*Census, []attest.Absence) {
	r := &reader{ctx: ctx, files: files}
	if err := r.choose(); err != nil {
		r.lacks("census", err)
		return nil, r.absent
	}
	var y *tally
	if r.gguf {
		y = r.readGGUF()
	} else {
		y = r.readTensors()
	}
	if y == nil {
		return nil, r.absent
	}
	c := &y.c
	y.sum()
	r.absent = append(r.absent, y.absences()...)
	r.absent = append(r.absent, y.active()...)
	c.Files = uint64(len(r.weights))
	c.Conflicts = append(r.conflicts, c.conflicts()...)
	slices.SortFunc(c.Conflicts, compareConflict)
	c.Conflicts = c.Conflicts[:min(len(c.Conflicts), MaxConflicts)]
	r.ignore(c)
	if err := c.Check(); err != nil { // a limit that only the sums meet
		r.lacks("census", err)
		return nil, r.absent
	}
	return c, r.absent
}

type reader struct {
	ctx       context.Context
	files     []File
	gguf      bool
	dir       string
	weights   []int // files that are counted
	ignored   []int
	index     int // -1 without
	absent    []attest.Absence
	conflicts []Conflict
}

func (r *reader) lacks(what string, err error) {
	if len(r.absent) < maxNamed {
		r.absent = append(r.absent, attest.Absent(what, reason(err), "%s", attest.Clean(err.Error())))
	}
}

// each calls use for each weight file; a file that fails is named, and the
// others are still looked at, so that all bad files are named at once.
func (r *reader) each(use func(i int, src io.ReaderAt) error) bool {
	ok := true
	for _, i := range r.weights {
		err := r.files[i].with(r.ctx, func(src io.ReaderAt) error { return use(i, src) })
		if err != nil {
			r.lacks("census", fmt.Errorf("%s: %w", r.files[i].Path, err))
			if ok = false; r.ctx.Err() != nil {
				return false
			}
		}
	}
	return ok
}

func (r *reader) readTensors() *tally {
	budget := int64(MaxTotalBytes)
	p := packing{y: newTally(FormatSafetensors)}
	ok := r.each(func(i int, src io.ReaderAt) error {
		list, err := safetensors(r.ctx, src, r.files[i].Size, &budget)
		if err != nil {
			return err
		}
		if len(p.t)+len(list) > MaxTensors {
			return &limitError{"tensors of the model", MaxTensors}
		}
		for j := range list {
			list[j].file = int32(i)
		}
		p.t = append(p.t, list...)
		return nil
	})
	if !ok {
		return nil
	}
	err := p.t.sort(r.files)
	if err == nil && r.index >= 0 {
		f := r.files[r.index]
		if err = f.with(r.ctx, func(src io.ReaderAt) error { return holdIndex(r.cursor(src, f), p.t, r.files) }); err != nil {
			err = fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	if err != nil {
		r.lacks("census", err)
		return nil
	}
	p.config = r.readConfig()
	p.y.c.Config = p.config
	p.resolve()
	return p.y
}

func (r *reader) cursor(src io.ReaderAt, f File) *cursor {
	return newCursor(r.ctx, src, 0, int64(min(f.Size, MaxIndexBytes)))
}

// readConfig reads the JSON files beside the weights. Without config.json the
// census stands on the headers alone.
func (r *reader) readConfig() *Config {
	var k *Config
	for _, name := range []string{"config.json", "hf_quant_config.json", "quant_config.json", "quantize_config.json"} {
		i := slices.IndexFunc(r.files, func(f File) bool { return f.Path == path.Join(r.dir, name) })
		if i < 0 {
			continue
		}
		doc, err := r.json(r.files[i])
		switch {
		case err != nil:
			r.lacks("census.config", fmt.Errorf("%s: %w", r.files[i].Path, err))
		case name == "config.json":
			k = modelConfig(doc)
		default:
			if k == nil {
				k = new(Config)
			}
			r.conflicts = append(r.conflicts, k.companion(name, doc)...)
		}
	}
	if k == nil && !slices.ContainsFunc(r.absent, func(a attest.Absence) bool { return a.What == "census.config" }) {
		r.absent = append(r.absent, attest.Absent("census.config", attest.NotPresent, "no config.json beside the weights"))
	}
	return k
}

func (r *reader) json(f File) (doc object, err error) {
	if f.Size > MaxConfigBytes {
		return nil, &limitError{"file", MaxConfigBytes}
	}
	err = f.with(r.ctx, func(src io.ReaderAt) error {
		v, err := document(newCursor(r.ctx, src, 0, int64(f.Size)))
		if err != nil {
			return err
		}
		m, ok := v.(map[string]any)
		if doc = m; !ok {
			return errors.New("not a JSON object")
		}
		return nil
	})
	return doc, err
}

// ignore states the weight files that were not counted.
func (r *reader) ignore(c *Census) {
	for _, i := range r.ignored {
		c.Ignored = append(c.Ignored, attest.Clean(r.files[i].Path))
	}
	slices.Sort(c.Ignored)
	c.IgnoredFiles = uint64(len(c.Ignored))
	c.Ignored = c.Ignored[:min(len(c.Ignored), MaxIgnored)]
}
