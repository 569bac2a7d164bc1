package census

// ggmlType is one entry of ggml's enum ggml_type: how many weights a block has
// and how many bytes it takes (ggml/src/ggml-common.h, the block_* structs).
type ggmlType struct {
	name  string // as Type in a census; empty for a type that was removed before GGUF
	block uint64
	bytes uint64
}

// milli is the bits of one weight with its share of scales, in thousandths.
func (g ggmlType) milli() uint64 { return g.bytes * 8000 / g.block }

// ggmlTypes stands in the order of the enum. Types 31 to 33 and 36 to 38 were
// layouts of Q4_0 and IQ4_NL for certain processors; old files still have them.
// Integer types hold no weights that we know how to count.
var ggmlTypes = []ggmlType{
	{"f32", 1, 4}, {"f16", 1, 2}, {"q4_0", 32, 18}, {"q4_1", 32, 20}, {"", 0, 0}, {"", 0, 0},
	{"q5_0", 32, 22}, {"q5_1", 32, 24}, {"q8_0", 32, 34}, {"q8_1", 32, 36},
	{"q2_k", 256, 84}, {"q3_k", 256, 110}, {"q4_k", 256, 144}, {"q5_k", 256, 176}, {"q6_k", 256, 210}, {"q8_k", 256, 292},
	{"iq2_xxs", 256, 66}, {"iq2_xs", 256, 74}, {"iq3_xxs", 256, 98}, {"iq1_s", 256, 50}, {"iq4_nl", 32, 18},
	{"iq3_s", 256, 110}, {"iq2_s", 256, 82}, {"iq4_xs", 256, 136},
	{"i8", 1, 1}, {"i16", 1, 2}, {"i32", 1, 4}, {"i64", 1, 8}, {"f64", 1, 8},
	{"iq1_m", 256, 56}, {"bf16", 1, 2}, {"q4_0", 32, 18}, {"q4_0", 32, 18}, {"q4_0", 32, 18},
	{"tq1_0", 256, 54}, {"tq2_0", 256, 66}, {"iq4_nl", 32, 18}, {"iq4_nl", 32, 18}, {"iq4_nl", 32, 18},
	{"mxfp4", 32, 17}, {"nvfp4", 64, 36}, {"q1_0", 128, 18}, {"q2_0", 64, 18},
}

func ggmlByNumber(n uint32) (ggmlType, bool) {
	if n >= uint32(len(ggmlTypes)) || ggmlTypes[n].name == "" {
		return ggmlType{}, false
	}
	return ggmlTypes[n], true
}

func ggmlByName(name string) (ggmlType, bool) {
	for _, g := range ggmlTypes {
		if g.name == name && name != "" {
			return g, true
		}
	}
	return ggmlType{}, false
}

// integer: no weights, as far as is known.
func (g ggmlType) integer() bool { return g.name[0] == 'i' && g.name[1] != 'q' }

// fileTypes are llama.cpp's names for general.file_type (include/llama.h, enum llama_ftype).
var fileTypes = map[uint64]string{0: "f32", 1: "f16", 2: "q4_0", 3: "q4_1", 7: "q8_0", 8: "q5_0", 9: "q5_1", 10: "q2_k", 11: "q3_k_s", 12: "q3_k_m",
	13: "q3_k_l", 14: "q4_k_s", 15: "q4_k_m", 16: "q5_k_s", 17: "q5_k_m", 18: "q6_k", 19: "iq2_xxs", 20: "iq2_xs", 21: "q2_k_s", 22: "iq3_xs",
	23: "iq3_xxs", 24: "iq1_s", 25: "iq4_nl", 26: "iq3_s", 27: "iq3_m", 28: "iq2_s", 29: "iq2_m", 30: "iq4_xs", 31: "iq1_m", 32: "bf16",
	36: "tq1_0", 37: "tq2_0", 38: "mxfp4_moe", 39: "nvfp4", 40: "q1_0", 41: "q2_0"}
