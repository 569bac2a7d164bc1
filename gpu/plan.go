package gpu

import (
	"reflect"
	"strings"
)

// field is a member of a claims struct that is, or may contain, an optional value.
type field struct {
	index    int
	name     string
	optional bool // a list whose absence is nil
	embedded bool
	inner    bool // a pointer to a struct
}

// plans lists these members of every struct that claims are made of.
var plans = planAll()

func planAll() map[reflect.Type][]field {
	all := make(map[reflect.Type][]field)
	for _, t := range []reflect.Type{reflect.TypeFor[Claims](), reflect.TypeFor[listed]()} {
		planType(t, all)
	}
	return all
}

func planType(t reflect.Type, all map[reflect.Type][]field) {
	if _, ok := all[t]; ok {
		return
	}
	all[t] = nil
	var plan []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("cbor"), ",")
		p := field{index: i, name: name, embedded: f.Anonymous, optional: strings.Contains(opts, "omitzero")}
		inner := f.Type
		if k := inner.Kind(); k == reflect.Pointer || k == reflect.Slice {
			inner = inner.Elem()
			p.inner = inner.Kind() == reflect.Struct
		}
		switch k := f.Type.Kind(); {
		case name == "absent", k == reflect.Slice && !p.inner:
			continue // the explanations themselves; bytes
		case k != reflect.Pointer && k != reflect.Slice && k != reflect.Struct:
			continue // always given
		}
		if inner.Kind() == reflect.Struct {
			planType(inner, all)
		}
		plan = append(plan, p)
	}
	all[t] = plan
}
