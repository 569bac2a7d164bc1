package census

import (
	"fmt"
	"strings"
)

// groupwise: GPTQ and AWQ, whole numbers packed into int32 under "x.qweight".
//
//	GPTQ  qweight [in*bits/32, out]  qzeros [groups, out*bits/32]  scales [groups, out]  g_idx [in]
//	AWQ   qweight [in, out*bits/32]  qzeros [groups, out*bits/32]  scales [groups, out]
//
// The shapes give bits and logical parameters without the configuration's word.
// AWQ's "gemv" layout pads its groups, so its shapes do not: it is refused.
func (p *packing) groupwise(t *tensor, base string) {
	scales, zeros, order := p.t.find(base+".scales"), p.t.find(base+".qzeros"), p.t.find(base+".g_idx")
	parts := []string{base + ".scales", base + ".qzeros", base + ".g_idx"}
	if t.dtype != dI32 || t.rank != 2 || scales == nil || scales.rank != 2 || !scales.dtype.float() || scales.dims[1] == 0 {
		p.refuse(t, "qweight without scales in two dimensions", parts...)
		return
	}
	out, layout := scales.dims[1], "gptq"
	if t.dims[1] != out {
		layout = "awq"
	}
	bits := uint64(0)
	switch {
	case layout == "awq":
		bits = t.dims[1] * 32 / out
	case zeros != nil && zeros.rank == 2:
		bits = zeros.dims[1] * 32 / out
	case order != nil && order.rank == 1 && order.dims[0] > 0:
		bits = t.dims[0] * 32 / order.dims[0]
	}
	in := t.dims[0]
	if layout == "gptq" && bits > 0 {
		in = t.dims[0] * 32 / bits
	}
	typ := fmt.Sprintf("int%d", bits)
	switch _, known := payload[typ]; {
	case !known,
		layout == "gptq" && in*bits != t.dims[0]*32,
		layout == "awq" && (t.dims[1]*32 != out*bits || zeros == nil),
		zeros != nil && (zeros.rank != 2 || zeros.dims[1]*32 != out*bits || zeros.dims[0] != scales.dims[0]),
		order != nil && order.elems != in,
		scales.dims[0] == 0 || scales.dims[0] > in:
		p.refuse(t, fmt.Sprintf("shapes of %s that do not fit together", layout), parts...)
		return
	}
	p.count(t, typ, layout, in*out, parts...)
}

// compressed: "x.weight_packed" of compressed-tensors. FP4 has two weights in a
// byte; whole numbers are packed into int32 along the rows:
//
//	weight_packed [out, ceil(in*bits/32)]  weight_scale [out, groups]
func (p *packing) compressed(t *tensor, weight string) {
	if t.dtype == dU8 {
		p.fourFloat(t, weight, "compressed-tensors")
		return
	}
	scales := p.t.find(weight + "_scale")
	if t.dtype != dI32 || t.rank != 2 || scales == nil || scales.dim(0) != t.dims[0] || !scales.dtype.float() {
		p.refuse(t, "packed weight without scales for its rows", weightParts(weight)...)
		return
	}
	bits, why := p.packedBits(t, weight, scales)
	if why != "" {
		p.refuse(t, why, weightParts(weight)...)
		return
	}
	p.count(t, fmt.Sprintf("int%d", bits), "compressed-tensors", t.elems*32/bits, weightParts(weight)...)
}

// packedBits finds the bits that fit the shapes: of a zero point, which is packed
// along the rows, else of exactly one of the configuration's groups. Shapes alone
// do not tell bits from group size; a configuration that does not fit them is refused.
func (p *packing) packedBits(t *tensor, weight string, scales *tensor) (bits uint64, why string) {
	groups := scales.dim(1)
	if z := p.t.find(weight + "_zero_point"); z != nil && z.dtype == dI32 && z.rank == 2 && z.elems > 0 && t.dims[0] > 0 && z.dims[1] == groups {
		bits = z.dims[0] * 32 / t.dims[0]
	}
	fits := bits > 0
	if p.config != nil {
		for _, g := range p.config.groups {
			if g.size != 0 && t.dims[1]*32 != groups*g.size*g.bits || g.size == 0 && groups != 1 {
				continue
			}
			if fits && bits != g.bits {
				return 0, fmt.Sprintf("%d or %d bits", bits, g.bits)
			}
			bits, fits = g.bits, true
		}
	}
	switch {
	case !fits:
		return 0, "neither zero point nor configuration tell the bits of the packed weight"
	case bits != 2 && bits != 4 && bits != 8:
		return 0, fmt.Sprintf("packed weights of %d bits", bits)
	}
	return bits, ""
}

// eightInt: int8 with one scale for each row or for all of it: bitsandbytes has
// row maxima in SCB, compressed-tensors (int-quantized) a weight_scale. Scales in
// groups are taken for int8 only where the configuration says 8 bits: the same
// bytes may hold two weights each.
func (p *packing) eightInt(t *tensor) {
	base := strings.TrimSuffix(t.name, ".weight")
	if scb := p.t.find(base + ".SCB"); scb != nil && scb.elems == t.dim(0) {
		p.count(t, "int8", "bitsandbytes", t.elems, base+".SCB", base+".weight_format")
		return
	}
	scales := p.t.find(t.name + "_scale")
	eight := p.config != nil && p.config.Bits != nil && *p.config.Bits == 8
	switch {
	case scales == nil || !scales.dtype.float():
		return // left as unknown
	case scales.elems == 1 || scales.dim(0) == t.dim(0) && (scales.elems == t.dim(0) || eight):
		p.count(t, "int8", "compressed-tensors", t.elems, weightParts(t.name)...)
	}
}
