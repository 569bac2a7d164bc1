package census

import (
	"slices"
	"strings"
)

// promise is what a declared name means for the files.
type promise struct {
	name  string   // as compared
	bits  uint64   // of one weight without scales
	types []string // types that the name means exactly
	// ggml is the block that a GGUF name promises; between GGUF types bits with
	// scales are compared, for iq4_xs and q4_k differ there only.
	ggml string
	// A recipe of llama.cpp that uses a smaller block on purpose: down to floor,
	// for at most floorPermille of the parameters.
	floor         string
	floorPermille uint64
}

// plain are the names outside GGUF, after normalise. Names without a number of
// bits (gptq, awq, bitsandbytes, "dynamic" mixtures such as ud_q4_k_xl) promise nothing that could be held.
var plain = []struct {
	names string
	bits  uint64
	types string
}{
	{"f64 fp64 float64", 64, "f64"},
	{"f32 fp32 float32 float", 32, "f32"},
	{"bf16 bfloat16", 16, "bf16"},
	{"f16 fp16 float16 half", 16, "f16"},
	{"fp8 f8 float8 fp8_w8a8 w8a8_fp8 mxfp8", 8, "fp8-e4m3 fp8-e5m2"},
	{"fp8_e4m3 fp8_e4m3fn float8_e4m3fn e4m3", 8, "fp8-e4m3"},
	{"fp8_e5m2 float8_e5m2 e5m2", 8, "fp8-e5m2"},
	{"w8a8 w8a16 8bit", 8, "int8 fp8-e4m3 fp8-e5m2"},
	{"int8 w8a8_int8 gptq_int8 gptq_8bit bnb_8bit bnb_int8", 8, "int8"},
	{"int4 w4a16 4bit gptq_int4 gptq_4bit awq_int4 awq_4bit", 4, "int4"},
	{"int3 3bit gptq_int3", 3, "int3"},
	{"int2 2bit gptq_int2", 2, "int2"},
	{"nf4 bnb_nf4", 4, "nf4"},
	{"fp4 bnb_fp4", 4, "fp4 mxfp4 nvfp4"},
	{"bnb_4bit", 4, "nf4 fp4"},
	{"mxfp4 mxfp4_moe", 4, "mxfp4"},
	{"nvfp4", 4, "nvfp4"},
}

// recipes are llama.cpp's mixtures by the block they are made of
// (src/llama-quant.cpp, llama_ftype_get_default_type); others are named as their
// block. Where a recipe uses smaller blocks as well, the smallest counts: IQ3_XS
// has IQ3_XXS in most layers; IQ3_XXS has IQ2_S in the query and key projections.
var recipes = map[string]promise{
	"q2_k_s": {ggml: "q2_k"}, "q3_k_s": {ggml: "q3_k"}, "q3_k_m": {ggml: "q3_k"}, "q3_k_l": {ggml: "q3_k"},
	"q4_k_s": {ggml: "q4_k"}, "q4_k_m": {ggml: "q4_k"}, "q5_k_s": {ggml: "q5_k"}, "q5_k_m": {ggml: "q5_k"},
	"iq2_s": {ggml: "iq2_xs", types: []string{"iq2_s"}}, "iq2_m": {ggml: "iq2_s"}, "iq3_xs": {ggml: "iq3_xxs", types: []string{"iq3_s"}}, "iq3_m": {ggml: "iq3_s"},
	"iq3_xxs": {ggml: "iq3_xxs", floor: "iq2_s", floorPermille: 250},
}

// normalise makes one spelling of a declared name.
func normalise(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	s = strings.TrimPrefix(strings.TrimPrefix(s, "torch."), "gguf:")
	return strings.NewReplacer("-", "_", " ", "_").Replace(s)
}

// promised says what a declared name means, if it is known.
func promised(declared string) (promise, bool) {
	name := normalise(declared)
	for _, p := range plain {
		if words := strings.Fields(p.names); slices.Contains(words, name) {
			return promise{name: words[0], bits: p.bits, types: strings.Fields(p.types)}, true
		}
	}
	p, ok := recipes[name]
	if !ok {
		p.ggml = name
	}
	g, known := ggmlByName(p.ggml)
	if !known || g.integer() {
		return promise{}, false
	}
	p.name, p.types = name, append([]string{p.ggml}, p.types...)
	p.bits, _ = payloadBits(p.ggml)
	return p, true
}
