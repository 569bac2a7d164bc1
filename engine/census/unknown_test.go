package census_test

import (
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/engine/census"
)

// TestUnknownPackingsAreNotGuessed: each is named in an absence and makes bf16 not evaluable.
func TestUnknownPackingsAreNotGuessed(t *testing.T) {
	w := proj + ".weight"
	config := `{"quantization_config":{"quant_method":"x","config_groups":{"a":{"weights":{"num_bits":4,"group_size":64}},"b":{"weights":{"num_bits":8,"group_size":64}}}}}`
	for name, list := range map[string][]st{
		"EXL2":                             {{proj + ".q_weight", "I32", s(hidden/8, inner)}, {proj + ".q_scale", "I32", s(4, inner/8)}},
		"EXL3":                             {{proj + ".trellis", "I16", s(32, 64, 64)}, {proj + ".suh", "F16", s(hidden)}},
		"AQLM":                             {{proj + ".codes", "I16", s(inner, hidden/8, 1)}, {proj + ".codebooks", "F16", s(1, 256, 1, 8)}},
		"HQQ":                              {{proj + ".W_q", "U8", s(inner/2, hidden)}},
		"MLX":                              {{w, "U32", s(inner, hidden/8)}, {proj + ".scales", "BF16", s(inner, hidden/64)}, {proj + ".biases", "BF16", s(inner, hidden/64)}},
		"marlin":                           {{proj + ".B", "I32", s(hidden/16, inner*2)}, {proj + ".s", "F16", s(4, inner)}},
		"2:4 bitmask":                      {{w + ".compressed", "I8", s(inner, hidden/2)}, {w + ".bitmask", "U8", s(inner, hidden/8)}},
		"awq for gemv":                     {{proj + ".qweight", "I32", s(inner, hidden/8)}, {proj + ".qzeros", "I32", s(inner, 1)}, {proj + ".scales", "F16", s(inner, 8)}},
		"gptq without anything":            {{proj + ".qweight", "I32", s(hidden/8, inner)}, {proj + ".scales", "F16", s(4, inner)}},
		"gptq whose order does not fit":    {{proj + ".qweight", "I32", s(hidden/8, inner)}, {proj + ".qzeros", "I32", s(4, inner/8)}, {proj + ".scales", "F16", s(4, inner)}, {proj + ".g_idx", "I32", s(hidden * 2)}},
		"gptq whose zeros do not fit":      {{proj + ".qweight", "I32", s(hidden/8, inner)}, {proj + ".qzeros", "I32", s(3, inner/8)}, {proj + ".scales", "F16", s(4, inner)}},
		"gptq of five bits":                {{proj + ".qweight", "I32", s(hidden*5/32, inner)}, {proj + ".qzeros", "I32", s(4, inner*5/32)}, {proj + ".scales", "F16", s(4, inner)}},
		"gptq of broken threes":            {{proj + ".qweight", "I32", s(50, inner)}, {proj + ".qzeros", "I32", s(4, inner*3/32)}, {proj + ".scales", "F16", s(4, inner)}},
		"awq without zeros":                {{proj + ".qweight", "I32", s(hidden, inner/8)}, {proj + ".scales", "F16", s(4, inner)}},
		"int8 with maxima of other rows":   {{w, "I8", s(inner, hidden)}, {proj + ".SCB", "F32", s(inner * 2)}},
		"packed with scales of other rows": {{w + "_packed", "I32", s(inner, hidden/8)}, {w + "_scale", "BF16", s(inner/2, 8)}},
		"bnb of too many maxima":           {{w, "U8", s(logic/2, 1)}, {w + ".absmax", "F32", s(logic / 16)}, {w + ".quant_state.bitsandbytes__nf4", "U8", s(90)}},
		"blocks with other scales":         {{proj + "_blocks", "U8", s(4, inner, hidden/32, 16)}, {proj + "_scales", "U8", s(4, inner, hidden/64)}},
		"blocks of 32":                     {{proj + "_blocks", "U8", s(4, inner, hidden/32, 32)}, {proj + "_scales", "U8", s(4, inner, hidden/16)}},
		"bytes with scales of groups":      {{w, "U8", s(inner, hidden/2)}, {w + "_scale", "BF16", s(inner, 4)}},
		"scales alone":                     {{w + "_scale", "F8_E4M3", s(inner, hidden)}},
		"scales without a weight":          {{proj + ".qweight", "I32", s(hidden/8, inner)}},
		"packed by two configurations":     {{w + "_packed", "I32", s(inner, hidden/8)}, {w + "_scale", "BF16", s(inner, 1)}},
		"int8 without scales":              {{w, "I8", s(inner, hidden)}},
		"int8 with scales in groups":       {{w, "I8", s(inner, hidden)}, {w + "_scale", "BF16", s(inner, 4)}},
		"MXFP6 in bytes":                   {{w, "U8", s(inner, hidden*6/8)}, {w + "_scale", "U8", s(inner, hidden/32)}},
		"swizzled NVFP4":                   {{w, "U8", s(inner, hidden/2)}, {w + "_scale", "F8_E4M3", s(inner+128, hidden/16)}},
		"FP4 without scales":               {{w + "_packed", "U8", s(inner, hidden/2)}},
		"blocks without scales":            {{proj + "_blocks", "U8", s(4, inner, hidden/32, 16)}},
		"bnb whose maxima do not fit":      {{w, "U8", s(logic/2, 1)}, {w + ".absmax", "F32", s(2)}, {w + ".quant_state.bitsandbytes__nf4", "U8", s(90)}},
		"DeepSeek's FP4 in int8":           {{w, "I8", s(inner, hidden/2)}, {proj + ".scale", "F8_E8M0", s(inner, hidden/32)}},
		"a type of the future":             {{w, "F3", s(0)}, {w + "x", "U8", s(inner, hidden)}},
		"64-bit numbers":                   {{proj + ".position_ids.weight", "I64", s(inner, hidden/16)}},
	} {
		t.Run(name, func(t *testing.T) {
			got, absent := must(t, model("BF16", list...).file("model.safetensors"), text("config.json", config))
			if got.UnknownTensors == 0 || !hasAbsence(absent, "census.unknown_tensors", strings.TrimSuffix(list[0].name, ".weight")) {
				t.Errorf("%+v: %v", got, absent)
			}
			if p := got.Against("bf16"); p.Verdict != census.NotEvaluable {
				t.Errorf("%+v", p)
			}
		})
	}
}

// TestBitsOfConfigAndShapesMustAgree: a configuration cannot turn four bits into eight.
func TestBitsOfConfigAndShapesMustAgree(t *testing.T) {
	w := proj + ".weight"
	config := `{"quantization_config":{"quant_method":"compressed-tensors","config_groups":{"a":{"weights":{"num_bits":8,"group_size":128}}}}}`
	list := []st{{w + "_packed", "I32", s(inner, hidden/8)}, {w + "_scale", "BF16", s(inner, 4)}}
	got, absent := must(t, model("BF16", list...).file("model.safetensors"), text("config.json", config))
	if got.UnknownTensors != 2 || !hasAbsence(absent, "census.unknown_tensors", "nor configuration tell the bits") {
		t.Errorf("%+v: %v", got, absent)
	}
	both := strings.Replace(config, `"a":{`, `"b":{"weights":{"num_bits":4,"group_size":128}},"a":{`, 1)
	if got, _ = must(t, model("BF16", list...).file("model.safetensors"), text("config.json", both)); got.UnknownTensors != 0 || got.Parameters != around+logic {
		t.Errorf("two groups, one fits: %+v", got)
	}
	both = strings.Replace(config, `"a":{`, `"b":{"weights":{"num_bits":4,"group_size":128}},"c":{"weights":{"num_bits":8,"group_size":64}},"a":{`, 1)
	if got, _ = must(t, model("BF16", list...).file("model.safetensors"), text("config.json", both)); got.UnknownTensors != 2 {
		t.Errorf("two groups fit: %+v", got)
	}
	channel := strings.Replace(config, `"num_bits":8,"group_size":128`, `"num_bits":4,"group_size":null`, 1)
	if got, _ = must(t, model("BF16", list...).file("model.safetensors"), text("config.json", channel)); got.UnknownTensors != 2 {
		t.Errorf("groups under a configuration without: %+v", got)
	}
	zero := append(list, st{w + "_zero_point", "I32", s(inner/8, 4)})
	if got, _ = must(t, model("BF16", zero...).file("model.safetensors")); got.UnknownTensors != 0 || got.Parameters != around+logic {
		t.Errorf("with zero points: %+v", got)
	}
}

// TestBuffersAreNoParameters: the causal masks of GPT-2 are neither weights nor
// unknown, as long as they are as small as such masks are.
func TestBuffersAreNoParameters(t *testing.T) {
	for _, c := range []struct {
		mask    st
		unknown uint64
	}{
		{st{"h.0.attn.bias", "BOOL", s(1, 1, 256, 256)}, 0},
		{st{"h.0.attn.bias", "U8", s(1, 1, 256, 255)}, 1},
		{st{"h.0.attn.bias", "U8", s(1, 1, 1024, 1024)}, 2},
	} {
		got, _ := must(t, model("F32", st{proj + ".weight", "F32", s(inner, hidden)}, c.mask, st{"embeddings.position_ids", "I64", s(1, 512)}).file("model.safetensors"))
		if got.UnknownTensors != c.unknown || got.Parameters != around+logic {
			t.Errorf("%v: %+v", c.mask, got)
		}
	}
}

// TestNothingHidesInScales: a weight whose scales are larger than itself is not understood.
func TestNothingHidesInScales(t *testing.T) {
	w := proj + ".weight"
	for _, dtype := range []string{"U8", "F32"} {
		got, absent := must(t, model("BF16", st{w, "F8_E4M3", s(8, 8)}, st{w + "_scale", dtype, s(inner, hidden)}).file("model.safetensors"))
		if got.UnknownTensors != 2 || !hasAbsence(absent, "census.unknown_tensors", "scales larger than the weight") || got.Against("bf16").Verdict != census.NotEvaluable {
			t.Errorf("%s: %+v", dtype, got)
		}
	}
}
