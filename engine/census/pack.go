package census

import "strings"

// packing decides what each tensor of a safetensors model stands for.
type packing struct {
	t      table
	y      *tally
	config *Config
}

// scaleNames end the names of tensors that belong to a packed weight. Such a
// tensor is never itself taken for a weight in a packed type.
var scaleNames = []string{"scale", "scales", "scale_inv", "scale_2", "zeros", "zero_point", "absmax", "quant_map", "SCB"}

func isScale(name string) bool {
	for _, s := range scaleNames {
		if strings.HasSuffix(name, "_"+s) || strings.HasSuffix(name, "."+s) {
			return true
		}
	}
	return false
}

// resolve counts all tensors: first those that are packed, with what belongs to
// them, then what stands for itself. What is left is unknown.
func (p *packing) resolve() {
	for i := range p.t {
		if t := &p.t[i]; !t.taken && !isScale(t.name) {
			p.packed(t)
		}
	}
	var buffers []*tensor
	for i := range p.t {
		t := &p.t[i]
		switch name := t.dtype.native(); {
		case t.taken:
		case t.dtype.float() || t.dtype == dF6 || t.dtype.fp8() && !isScale(t.name):
			p.count(t, name, "none", t.elems)
		case buffer(t):
			buffers = append(buffers, t)
		default:
			p.refuse(t, "no known packing")
		}
	}
	p.overlook(buffers)
	p.y.c.Tensors = uint64(len(p.t))
}

// overlook leaves buffers out of the census, unless they take more than a
// twentieth of the space of the weights: then they are not what their names say.
func (p *packing) overlook(buffers []*tensor) {
	bytes, weights := uint64(0), uint64(0)
	for _, t := range buffers {
		bytes += t.bytes
	}
	for _, t := range p.y.types {
		weights += t.StorageBytes
	}
	for _, t := range buffers {
		if over(bytes, weights, 50) {
			p.refuse(t, "buffers too large for their names")
		}
	}
}

// packed tries the packings in which t may be the weight itself.
func (p *packing) packed(t *tensor) {
	name, ok := strings.CutSuffix(t.name, ".qweight")
	if ok {
		p.groupwise(t, name)
		return
	}
	if name, ok = strings.CutSuffix(t.name, "_packed"); ok {
		p.compressed(t, name)
		return
	}
	for _, sep := range []string{"_", "."} { // gpt-oss in the layout of Hugging Face, and in its own
		if name, ok = strings.CutSuffix(t.name, sep+"blocks"); ok && t.dtype == dU8 {
			p.blocks(t, name+sep+"scales")
			return
		}
	}
	switch {
	case t.dtype.fp8():
		p.eightFloat(t)
	case t.dtype == dI8:
		p.eightInt(t)
	case t.dtype == dU8 || t.dtype == dF4:
		p.nibbles(t)
	}
}

// smallParts is what scales and tables may take beside a small weight.
const smallParts = 64 << 10

// count adds t as params parameters and the tensors that belong to it as storage.
// Scales are smaller than what they scale: names alone could hide a model in them.
func (p *packing) count(t *tensor, typ, scheme string, params uint64, parts ...string) {
	bytes, found := uint64(0), []*tensor(nil)
	for _, name := range parts {
		if x := p.t.find(name); x != nil && !x.taken {
			bytes += x.bytes
			found = append(found, x)
		}
	}
	if bytes > t.bytes && bytes > smallParts {
		p.refuse(t, "scales larger than the weight", parts...)
		return
	}
	t.taken = true
	for _, x := range found {
		x.taken = true
	}
	p.y.add(typ, scheme, 1, params, t.bytes+bytes, p.routed(t), side(t.name))
}

// refuse marks t and what belongs to it as not understood.
func (p *packing) refuse(t *tensor, why string, parts ...string) {
	t.taken = true
	p.y.skip(t.name, why, t.bytes)
	for _, name := range parts {
		if x := p.t.find(name); x != nil && !x.taken {
			x.taken = true
			p.y.skip(x.name, "belongs to it", x.bytes)
		}
	}
}

// weightParts are the tensors beside a weight "x.weight" that scale it or its
// input (compressed-tensors, ModelOpt, FBGEMM, DeepSeek); fused experts have no ".weight".
func weightParts(weight string) []string {
	base := strings.TrimSuffix(weight, ".weight")
	return []string{weight + "_scale", weight + "_scale_inv", weight + "_scale_2", weight + "_global_scale", weight + "_zero_point",
		weight + "_shape", weight + "_g_idx", weight + "_weight_scale", weight + "_weight_scale_2", base + ".input_scale", base + ".input_global_scale",
		base + ".input_zero_point", base + ".SCB", base + ".weight_format"}
}

// buffer: whole-number tensors that are no weights, by name and shape.
func buffer(t *tensor) bool {
	last := t.name[strings.LastIndexByte(t.name, '.')+1:]
	switch last {
	case "position_ids", "num_batches_tracked", "relative_position_index", "token_type_ids":
		return t.dtype == dI64
	case "bias", "masked_bias": // the causal mask of GPT-2 and its children
		return (t.dtype == dU8 || t.dtype == dBool) && t.rank == 4 && t.dims[0] == 1 && t.dims[1] == 1 && t.dims[2] == t.dims[3]
	}
	return false
}
