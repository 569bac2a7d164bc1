package census

import (
	"errors"
	"fmt"
	"io"
)

// readGGUF counts one GGUF model: one file, or all parts of a split one.
func (r *reader) readGGUF() *tally {
	var parts []part
	total := 0
	ok := r.each(func(i int, src io.ReaderAt) error {
		h, err := gguf(r.ctx, src, r.files[i].Size)
		if err != nil {
			return err
		}
		if total += len(h.tensors); total > MaxTensors {
			return &limitError{"tensors of the model", MaxTensors}
		}
		parts = append(parts, part{i, h})
		return nil
	})
	if !ok {
		return nil
	}
	parts = r.withoutProjectors(parts)
	if err := r.oneModel(parts); err != nil {
		r.lacks("census", err)
		return nil
	}
	y := newTally(FormatGGUF)
	for _, p := range parts {
		y.c.Tensors += uint64(len(p.h.tensors))
		for _, t := range p.h.tensors {
			y.ggufTensor(&t)
		}
	}
	y.c.Config = ggufConfig(parts[0].h.meta)
	if n := y.c.Config.Experts; y.experts > 0 && y.perLay == 0 && n != nil {
		y.perLay = min(*n, maxExperts) // one tensor for each expert
	}
	return y
}

type part struct {
	file int
	h    *ggufHeader
}

// withoutProjectors drops what stands beside a model and is none: projectors of
// images and sound, adapters, importance matrices.
func (r *reader) withoutProjectors(parts []part) (kept []part) {
	r.weights = nil
	for _, p := range parts {
		arch, _ := p.h.meta["general.architecture"].(string)
		kind, _ := p.h.meta["general.type"].(string)
		if arch == "clip" || kind == "mmproj" || kind == "adapter" || kind == "imatrix" {
			r.ignored = append(r.ignored, p.file)
			continue
		}
		r.weights = append(r.weights, p.file)
		kept = append(kept, p)
	}
	return kept
}

// oneModel: several files must be the parts 0 to count-1 of one split model.
func (r *reader) oneModel(parts []part) error {
	if len(parts) == 0 {
		return errNone
	}
	count, _ := parts[0].h.meta["split.count"].(uint64)
	if count <= 1 && len(parts) == 1 {
		return nil
	}
	if count <= 1 {
		return fmt.Errorf("two models: %s and %s", r.files[parts[0].file].Path, r.files[parts[1].file].Path)
	}
	if count != uint64(len(parts)) {
		return fmt.Errorf("%s is one of %d parts, %d are there", r.files[parts[0].file].Path, count, len(parts))
	}
	seen, tensors := map[uint64]bool{}, 0
	first := 0
	for n, p := range parts {
		no, ok := p.h.meta["split.no"].(uint64)
		other, _ := p.h.meta["split.count"].(uint64)
		if !ok || no >= count || seen[no] || other != count {
			return fmt.Errorf("%s: parts that do not belong together", r.files[p.file].Path)
		}
		seen[no] = true
		tensors += len(p.h.tensors)
		if no == 0 {
			first = n
		}
	}
	parts[0], parts[first] = parts[first], parts[0] // the first part has the metadata
	if want, ok := parts[0].h.meta["split.tensors.count"].(uint64); ok && want != uint64(tensors) {
		return fmt.Errorf("%d tensors in all parts, %d are stated", tensors, want)
	}
	return distinct(parts)
}

func distinct(parts []part) error {
	seen := map[string]bool{}
	for _, p := range parts {
		for _, t := range p.h.tensors {
			if seen[t.name] {
				return errors.New("tensor " + printable(t.name) + " in two parts")
			}
			seen[t.name] = true
		}
	}
	return nil
}

func (y *tally) ggufTensor(t *ggufTensor) {
	if t.typ.integer() {
		y.skip(t.name, "whole numbers of type "+t.typ.name, t.bytes)
		return
	}
	scheme := FormatGGUF
	if _, plain := payload[t.typ.name]; plain && t.typ.block == 1 {
		scheme = "none"
	}
	routed := t.routed()
	if routed && t.outer > 1 && t.outer <= maxExperts {
		y.perLay = max(y.perLay, t.outer)
	}
	y.add(t.typ.name, scheme, 1, t.elems, t.bytes, routed, side(t.name))
}
