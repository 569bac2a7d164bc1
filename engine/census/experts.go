package census

import (
	"strconv"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

const maxExperts = 1 << 16

// routed reports whether t belongs to routed experts and notes how many a layer
// has: "x.experts.7.y" by number, stacked tensors by their outermost dimension.
// "shared_experts" has no dot before "experts" and is a layer like any other.
func (p *packing) routed(t *tensor) bool {
	_, rest, ok := strings.Cut(t.name, ".experts.")
	if !ok {
		if rest, ok = strings.CutPrefix(t.name, "experts."); !ok {
			return p.stackedLinear(t)
		}
	}
	first, _, _ := strings.Cut(rest, ".")
	if n, err := strconv.ParseUint(first, 10, 16); err == nil {
		p.y.perLay = max(p.y.perLay, n+1)
		return true
	}
	if t.rank >= 3 && t.dims[0] <= maxExperts {
		p.y.perLay = max(p.y.perLay, t.dims[0])
	}
	return true
}

// stackedLinear: Granite's experts, stacked in input_linear and output_linear.
func (p *packing) stackedLinear(t *tensor) bool {
	stacked := strings.Contains(t.name, ".block_sparse_moe.") && (strings.HasSuffix(t.name, "put_linear.weight")) && t.rank == 3 && t.dims[0] <= maxExperts
	if stacked {
		p.y.perLay = max(p.y.perLay, t.dims[0])
	}
	return stacked
}

// active states active parameters and experts after the books are closed.
func (y *tally) active() []attest.Absence {
	c, k := &y.c, y.c.Config
	mixture := k != nil && k.Experts != nil && *k.Experts > 1
	lacks := func(format string, args ...any) []attest.Absence {
		return []attest.Absence{attest.Absent("census.active_parameters", attest.NotSupported, format, args...)}
	}
	switch {
	case c.UnknownBytes*8 > c.Parameters/1000: // else they change nothing
		return lacks("tensors in an unknown packing")
	case y.experts == 0 && !mixture:
		n := c.Parameters
		c.ActiveParameters = &n
		return nil
	case y.experts == 0:
		return lacks("the configuration has %d experts, no tensor is one by its name", *k.Experts)
	}
	e := &Experts{Count: y.perLay, Parameters: y.experts}
	if e.Count == 0 && mixture { // experts flattened into one matrix: only the configuration counts them
		e.Count = min(*k.Experts, maxExperts)
	}
	c.Experts = e
	if k == nil || k.ExpertsPerToken == nil || *k.ExpertsPerToken == 0 || *k.ExpertsPerToken > e.Count {
		return lacks("experts for each token are not stated, or more than the %d there are", e.Count)
	}
	e.PerToken = k.ExpertsPerToken
	n := c.Parameters - e.Parameters + scale(e.Parameters, *e.PerToken, e.Count)
	c.ActiveParameters = &n
	return nil
}
