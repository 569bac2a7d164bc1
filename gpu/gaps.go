package gpu

import (
	"reflect"
	"strconv"
	"strings"
)

// element is a list's element that absences can name.
type element interface{ key() string }

func (d Device) key() string {
	if d.PCI != nil {
		return d.PCI.Address
	}
	return "#" + strconv.FormatUint(d.Index, 10)
}
func (l Link) key() string    { return strconv.FormatUint(l.Number, 10) }
func (p Process) key() string { return p.Kind + "," + strconv.FormatUint(p.PID, 10) }
func (p Pair) key() string {
	return strconv.FormatUint(p.A, 10) + "," + strconv.FormatUint(p.B, 10)
}

// walk visits every optional value that v, a struct of this package, does not
// give: a nil pointer, or a nil list marked omitzero. It goes by the types, so a
// field added to the claims cannot be forgotten. Each visit gets the path and the
// spellings with "*" that would name it too, the exact one first. It goes into a
// part of the claims only if enter says so.
type walk struct {
	enter func(paths []string) bool
	gap   func(paths []string)
	plans map[reflect.Type][]field // of this walk: building them is most of the cost
}

type field struct {
	index    int
	name     string
	optional bool
	embedded bool
}

func gaps(v any, prefix string, enter func([]string) bool, gap func([]string)) {
	w := walk{enter: enter, gap: gap, plans: make(map[reflect.Type][]field)}
	w.structure(reflect.ValueOf(v), []string{prefix})
}

func (w *walk) structure(v reflect.Value, at []string) {
	for _, f := range w.plan(v.Type()) {
		if f.embedded {
			w.structure(v.Field(f.index), at)
			continue
		}
		w.value(v.Field(f.index), at, f)
	}
}

func (w *walk) value(v reflect.Value, at []string, f field) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			w.gap(below(at, f.name))
		} else if v.Elem().Kind() == reflect.Struct {
			w.inside(v.Elem(), below(at, f.name))
		}
	case reflect.Struct:
		w.inside(v, below(at, f.name))
	case reflect.Slice:
		if v.IsNil() && f.optional {
			w.gap(below(at, f.name))
			return
		}
		for i := range v.Len() {
			if e, ok := v.Index(i).Interface().(element); ok {
				w.inside(v.Index(i), keyed(below(at, f.name), e.key()))
			}
		}
	}
}

func (w *walk) inside(v reflect.Value, at []string) {
	if w.enter(at) {
		w.structure(v, at)
	}
}

func (w *walk) plan(t reflect.Type) []field {
	if p, ok := w.plans[t]; ok {
		return p
	}
	p := []field{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("cbor"), ",")
		switch k := f.Type.Kind(); {
		case f.Anonymous:
			p = append(p, field{index: i, embedded: true})
		case name == "absent": // the explanations themselves
		case k == reflect.Pointer, k == reflect.Struct, k == reflect.Slice:
			p = append(p, field{index: i, name: name, optional: strings.Contains(opts, "omitzero")})
		}
	}
	w.plans[t] = p
	return p
}

// below appends a key to each spelling of a path.
func below(at []string, name string) []string {
	out := make([]string, len(at))
	for i, p := range at {
		if p == "" {
			out[i] = name
		} else {
			out[i] = p + "." + name
		}
	}
	return out
}

// keyed names a list's element, once by its key and once by "*".
func keyed(at []string, key string) []string {
	out := make([]string, 0, 2*len(at))
	for _, p := range at {
		out = append(out, p+"["+key+"]")
	}
	for _, p := range at {
		out = append(out, p+"[*]")
	}
	return out
}
