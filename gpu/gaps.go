package gpu

import (
	"reflect"
	"strconv"
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

// place is where in the claims a value stands. Its spellings are worked out when a
// gap is found, which is seldom.
type place struct {
	parent *place
	name   string
	item   element // of a list, else nil
	all    []string
}

// spellings are the paths that name the place: the exact one first, then those
// with "*" for the key of a list's element.
func (p *place) spellings() []string {
	if p == nil {
		return []string{""}
	}
	if p.all != nil {
		return p.all
	}
	for _, before := range p.parent.spellings() {
		p.all = append(p.all, join(before, p.name))
	}
	if p.item == nil {
		return p.all
	}
	bare, key := p.all, p.item.key()
	p.all = nil
	for _, name := range bare {
		p.all = append(p.all, name+"["+key+"]")
	}
	for _, name := range bare {
		p.all = append(p.all, name+"[*]")
	}
	return p.all
}

// gaps calls found for every optional value that v, a struct of this package, does
// not give: a nil pointer, or a nil list marked omitzero. It goes by the types, so a
// field added to the claims cannot be forgotten.
func gaps(v any, found func(*place)) {
	structure(reflect.ValueOf(v), nil, found)
}

func structure(v reflect.Value, at *place, found func(*place)) {
	for _, f := range plans[v.Type()] {
		if f.embedded {
			structure(v.Field(f.index), at, found)
			continue
		}
		member(v.Field(f.index), f, at, found)
	}
}

func member(v reflect.Value, f field, at *place, found func(*place)) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			found(&place{parent: at, name: f.name})
		} else if f.inner {
			structure(v.Elem(), &place{parent: at, name: f.name}, found)
		}
	case reflect.Struct:
		structure(v, &place{parent: at, name: f.name}, found)
	case reflect.Slice:
		if v.IsNil() && f.optional {
			found(&place{parent: at, name: f.name})
			return
		}
		for i := range v.Len() {
			e := v.Index(i)
			item := e.Addr().Interface().(element) // plans hold no list of anything else
			structure(e, &place{parent: at, name: f.name, item: item}, found)
		}
	}
}
