package census

import "strings"

// eightFloat: FP8 with its scales. The storage type is the parameter's type; the
// scheme names the layout of the scales.
func (p *packing) eightFloat(t *tensor) {
	scheme := "none"
	if s := p.t.find(t.name + "_scale"); s != nil {
		scheme = p.method("fp8")
		if s.dtype.exponent() {
			scheme = "mxfp8"
		}
	}
	if p.t.find(t.name+"_scale_inv") != nil {
		scheme = "fp8-block" // DeepSeek-V3: one scale for each 128x128 block
	}
	p.count(t, t.dtype.native(), scheme, t.elems, weightParts(t.name)...)
}

// method is the configuration's name for a layout that several methods share.
func (p *packing) method(other string) string {
	if p.config != nil {
		switch m := strings.ToLower(p.config.Method); m {
		case "compressed-tensors", "modelopt", "fbgemm_fp8", "quark":
			return m
		}
	}
	return other
}

// nibbles: two 4-bit weights in a byte. bitsandbytes flattens the weight and puts
// its type into the name of the quant state; the FP4 formats have one scale for 16
// or 32 weights; ModelOpt's INT4 packs along the outer dimension.
func (p *packing) nibbles(t *tensor) {
	for _, typ := range []string{"nf4", "fp4"} {
		if p.t.find(t.name+".quant_state.bitsandbytes__"+typ) != nil {
			p.bitsandbytes(t, typ)
			return
		}
	}
	scales := p.scalesOf(t.name)
	switch {
	case scales == nil: // left as unknown
	case !scales.dtype.float():
		p.fourFloat(t, t.name, p.method("modelopt"))
	case t.dtype == dU8 && t.rank == 2 && scales.rank == 2 && scales.dims[0] == 2*t.dims[0]:
		p.count(t, "int4", p.method("modelopt"), 2*t.elems, weightParts(t.name)...)
	}
}

func (p *packing) scalesOf(weight string) *tensor {
	if s := p.t.find(weight + "_scale"); s != nil {
		return s
	}
	return p.t.find(weight + "_weight_scale") // fused experts
}

// bitsandbytes checks that the number of block maxima fits: blocks have 64 to
// 4096 weights (32 on some devices), the last one may be short.
func (p *packing) bitsandbytes(t *tensor, typ string) {
	w, params := t.name, 2*t.elems
	parts := []string{w + ".absmax", w + ".quant_map", w + ".nested_absmax", w + ".nested_quant_map", w + ".quant_state.bitsandbytes__" + typ}
	m := p.t.find(parts[0])
	if m == nil || m.dtype != dU8 && m.dtype != dF32 || t.dtype != dU8 || m.elems == 0 || params > m.elems*4096 || (m.elems-1)*32 >= params {
		p.refuse(t, "bitsandbytes weight whose block maxima do not fit", parts...)
		return
	}
	p.count(t, typ, "bitsandbytes", params, parts...)
}

// fourFloat: E2M1 with an E4M3 scale for 16 weights is NVFP4, with a power of two
// for 32 weights MXFP4 (OCP MX 1.0). Padded or swizzled scales do not add up and are refused.
func (p *packing) fourFloat(t *tensor, weight, scheme string) {
	params := t.elems
	if t.dtype == dU8 {
		params *= 2
	}
	scales := p.scalesOf(weight)
	switch {
	case scales == nil:
		p.refuse(t, "4-bit weight without scales")
	case scales.dtype == dF8E4M3 && scales.elems*16 == params:
		p.count(t, "nvfp4", scheme, params, weightParts(weight)...)
	case scales.dtype.exponent() && scales.elems*32 == params:
		p.count(t, "mxfp4", scheme, params, weightParts(weight)...)
	default:
		p.refuse(t, "4-bit weight whose scales do not fit", weightParts(weight)...)
	}
}

// blocks: MXFP4 of gpt-oss, blocks [..., groups, 16] with a scale for each group.
func (p *packing) blocks(t *tensor, scaleName string) {
	s := p.t.find(scaleName)
	if s == nil || s.dtype != dU8 || t.rank < 2 || t.rank > 4 || t.dims[t.rank-1] != 16 || s.elems*16 != t.elems {
		p.refuse(t, "blocks whose scales do not fit")
		return
	}
	p.count(t, "mxfp4", "mxfp4", 2*t.elems, scaleName)
}
