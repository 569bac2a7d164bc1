package census

import (
	"fmt"
	"math/bits"
	"slices"
)

// Verdict is the answer of Against.
type Verdict string

const (
	Match        Verdict = "match"
	Lower        Verdict = "lower"  // below what was declared: rule M3 is violated
	Higher       Verdict = "higher" // above: no harm done, and not what was declared
	NotEvaluable Verdict = "not-evaluable"
)

// TolerancePermille is the share of parameters that may lie below the declared
// precision (statistics, rule M3: at least 95 % at or above it).
const TolerancePermille = 50

// Precision is a census held against a declared precision. Shares are of the
// parameters, in thousandths, rounded down.
type Precision struct {
	Verdict       Verdict
	Declared      string // the name that was compared
	BelowPermille uint64
	AtPermille    uint64
	AbovePermille uint64
	LimitPermille uint64 // of BelowPermille: the tolerance, or what the declared recipe itself puts below its name
	// Exact: what has the declared bits also has the declared format. False for
	// bf16 under the name f16, or q4_0 under the name q4_k_m: as many bits, other numbers.
	Exact bool
	Why   string // for people
}

// Against holds the census against a declared precision.
//
// Each parameter lies below, at or above the declaration: by bits without scales
// (bf16 and f16 16; fp8, int8, q8_0 8; int4, nf4, mxfp4, nvfp4, q4_* 4; …), and
// where both are GGUF blocks by bits with scales, which tell iq4_xs from q4_k.
//
// Lower: more than TolerancePermille of the parameters are below. Precision above
// the declaration never hurts: norms, routers, embeddings, lm_head and the larger
// blocks of a K-quant recipe may be wider, so the test has one side.
// Higher: at most TolerancePermille are at the declaration, the rest above.
//
// Unknown packings may hold up to eight parameters in a byte. If the answer
// depends on them it is NotEvaluable, as it is for a name that promises no bits.
func (c *Census) Against(declared string) Precision {
	p, ok := promised(declared)
	if !ok {
		return Precision{Verdict: NotEvaluable, Why: "the declared precision has no meaning in bits that is known here"}
	}
	s := c.shares(p)
	out := Precision{Declared: p.name, BelowPermille: scale(s.below, 1000, c.Parameters), AtPermille: scale(s.at, 1000, c.Parameters),
		AbovePermille: scale(s.above, 1000, c.Parameters), Exact: !over(s.at-s.exact, s.at, TolerancePermille) && s.at > 0}
	if out.LimitPermille = TolerancePermille; s.floor > 0 && !over(s.below-s.floor, c.Parameters, TolerancePermille) {
		out.LimitPermille = max(p.floorPermille, TolerancePermille)
	}
	unknown := c.UnknownBytes * 8
	all := c.Parameters + unknown
	switch {
	case c.Parameters == 0:
		out.Verdict, out.Why = NotEvaluable, "no parameters were counted"
	case over(s.below-s.floor, all, TolerancePermille), over(s.below, all, max(p.floorPermille, TolerancePermille)):
		out.Verdict, out.Why = Lower, fmt.Sprintf("%d of %d parameters are below %s, mostly %s", s.below, c.Parameters, p.name, s.worst)
	case over(s.below+unknown, all, TolerancePermille) && unknown > 0:
		out.Verdict, out.Why = NotEvaluable, fmt.Sprintf("%d bytes are in a packing that is not known", c.UnknownBytes)
	case !over(s.at+s.below, c.Parameters, TolerancePermille):
		out.Verdict, out.Why = Higher, "the parameters are above "+p.name
	default:
		out.Verdict, out.Why = Match, fmt.Sprintf("%d of %d parameters are at or above %s", c.Parameters-s.below, c.Parameters, p.name)
	}
	return out
}

// shares are parameters: below the promise (floor of them no deeper than its
// recipe goes), at it (exact of them in its own format), above it.
type shares struct {
	below, floor, at, exact, above uint64
	worst                          string
}

func (c *Census) shares(p promise) (s shares) {
	most := uint64(0)
	for _, t := range c.ByType {
		switch d := p.compare(t); {
		case d > 0:
			s.above += t.Parameters
		case d == 0:
			s.at += t.Parameters
			if slices.Contains(p.types, t.Type) {
				s.exact += t.Parameters
			}
		default:
			s.below += t.Parameters
			if f, ok := ggmlByName(p.floor); ok && t.Scheme == FormatGGUF && t.milli() >= f.milli() {
				s.floor += t.Parameters
			}
			if t.Parameters >= most {
				most, s.worst = t.Parameters, fmt.Sprintf("%s (%s)", t.Type, t.Scheme)
			}
		}
	}
	return s
}

// milli is the bits of one weight of a GGUF type with its scales, by the type and not by what the census says of its storage.
func (t TypeCount) milli() uint64 {
	g, ok := ggmlByName(t.Type)
	if !ok {
		return 0
	}
	return g.milli()
}

// compare is -1, 0 or 1 where t is below, at or above the promise.
func (p promise) compare(t TypeCount) int {
	have, _ := payloadBits(t.Type)
	want := p.bits
	if g, ok := ggmlByName(p.ggml); ok && t.Scheme == FormatGGUF {
		have, want = t.milli(), g.milli()
	}
	switch {
	case have < want:
		return -1
	case have > want:
		return 1
	}
	return 0
}

// over reports whether part is more than permille thousandths of all.
func over(part, all, permille uint64) bool {
	h1, l1 := bits.Mul64(part, 1000)
	h2, l2 := bits.Mul64(all, permille)
	return h1 > h2 || h1 == h2 && l1 > l2
}
