package census

import (
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
)

// tally adds up a census.
type tally struct {
	types   map[[2]string]*TypeCount
	experts uint64 // parameters of routed experts
	perLay  uint64 // experts of a layer by the tensors: highest number plus one, or outermost dimension
	unknown []string
	c       Census
}

func newTally(format string) *tally {
	return &tally{types: map[[2]string]*TypeCount{}, c: Census{Format: format}}
}

func (y *tally) add(typ, scheme string, tensors, params, bytes uint64, routed, side bool) {
	key := [2]string{typ, scheme}
	t := y.types[key]
	if t == nil {
		t = &TypeCount{Type: typ, Scheme: scheme}
		y.types[key] = t
	}
	t.Tensors += tensors
	t.Parameters += params
	t.StorageBytes += bytes
	switch {
	case routed:
		y.experts += params
	case side:
		y.c.SideParameters += params
	}
}

// skip notes a tensor that is not understood, and why.
func (y *tally) skip(name, why string, bytes uint64) {
	y.c.UnknownTensors++
	y.c.UnknownBytes += bytes
	if len(y.unknown) < maxNamed {
		y.unknown = append(y.unknown, fmt.Sprintf("%s: %s", printable(name), why))
	}
}

// sum closes the books.
func (y *tally) sum() {
	for _, t := range y.types {
		t.MilliBits = milliBits(t.StorageBytes, t.Parameters)
		y.c.Parameters += t.Parameters
		y.c.ByType = append(y.c.ByType, *t)
	}
	slices.SortFunc(y.c.ByType, compareType)
}

// absences says what of the census is not known.
func (y *tally) absences() (out []attest.Absence) {
	if y.c.UnknownTensors == 0 {
		return nil
	}
	list := ""
	for _, u := range y.unknown {
		list += "; " + u
	}
	return []attest.Absence{attest.Absent("census.unknown_tensors", attest.NotSupported, "%d tensors with %d bytes in a packing that is not known%s",
		y.c.UnknownTensors, y.c.UnknownBytes, list)}
}
