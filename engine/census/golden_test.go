package census_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/engine/census"
)

const (
	hidden, inner = 512, 1024
)

// model is a model of one weighty projection beside embeddings and norm in high.
// The embeddings are small here so that they do not hide the projection.
func model(high string, weight ...st) sparse {
	return safetensors(append([]st{{"model.embed_tokens.weight", high, s(16, hidden)}, {"model.norm.weight", high, s(hidden)}}, weight...)...)
}

const (
	around = 16*hidden + hidden // parameters beside the projection
	proj   = "model.layers.0.mlp.up_proj"
	logic  = inner * hidden // parameters of the projection
)

// form is one way to store the projection [inner, hidden].
type form struct {
	name, config string
	tensors      []st
	typ, scheme  string
	extra        uint64 // bytes of scales and their like
	bits         uint64 // of one weight without them
}

func forms() []form {
	q := func(m string) string { return `{"torch_dtype":"bfloat16","quantization_config":` + m + `}` }
	w := proj + ".weight"
	return []form{
		{"bf16", `{"torch_dtype":"bfloat16"}`, []st{{w, "BF16", s(inner, hidden)}}, "bf16", "none", 0, 16},
		{"fp8 block", q(`{"quant_method":"fp8","weight_block_size":[128,128]}`), []st{{w, "F8_E4M3", s(inner, hidden)}, {w + "_scale_inv", "F32", s(8, 4)}},
			"fp8-e4m3", "fp8-block", 8 * 4 * 4, 8},
		{"fp8 unscaled", `{}`, []st{{w, "F8_E5M2", s(inner, hidden)}}, "fp8-e5m2", "none", 0, 8},
		{"fp8 modelopt", q(`{"quant_method":"modelopt","quant_algo":"FP8"}`), []st{{w, "F8_E4M3", s(inner, hidden)}, {w + "_scale", "F32", s()}, {proj + ".input_scale", "F32", s()}},
			"fp8-e4m3", "modelopt", 8, 8},
		{"float-quantized", q(`{"quant_method":"compressed-tensors","format":"float-quantized","config_groups":{"g":{"weights":{"num_bits":8}}}}`),
			[]st{{w, "F8_E4M3", s(inner, hidden)}, {w + "_scale", "BF16", s(inner, 1)}}, "fp8-e4m3", "compressed-tensors", 2 * inner, 8},
		{"mxfp8", q(`{"quant_method":"compressed-tensors"}`), []st{{w, "F8_E4M3", s(inner, hidden)}, {w + "_scale", "U8", s(inner, hidden/32)}},
			"fp8-e4m3", "mxfp8", inner * hidden / 32, 8},
		{"gptq 4", q(`{"quant_method":"gptq","bits":4,"group_size":128}`), gptq(4, true), "int4", "gptq", 4*inner/8*4 + 4*inner*2 + 4*hidden, 4},
		{"gptq 3", q(`{"quant_method":"gptq","bits":3,"group_size":128}`), gptq(3, true), "int3", "gptq", 4*inner*3/32*4 + 4*inner*2 + 4*hidden, 3},
		{"gptq 8 without order", q(`{"quant_method":"gptq","bits":8,"group_size":128}`), gptq(8, false), "int8", "gptq", 4*inner/4*4 + 4*inner*2, 8},
		{"awq", q(`{"quant_method":"awq","bits":4,"group_size":128,"version":"gemm"}`),
			[]st{{proj + ".qweight", "I32", s(hidden, inner/8)}, {proj + ".qzeros", "I32", s(4, inner/8)}, {proj + ".scales", "F16", s(4, inner)}},
			"int4", "awq", 4*inner/8*4 + 4*inner*2, 4},
		{"pack-quantized", q(`{"quant_method":"compressed-tensors","format":"pack-quantized","config_groups":{"g":{"weights":{"num_bits":4,"group_size":128,"strategy":"group"}}}}`),
			[]st{{w + "_packed", "I32", s(inner, hidden/8)}, {w + "_scale", "BF16", s(inner, 4)}, {w + "_shape", "I64", s(2)}}, "int4", "compressed-tensors", inner*4*2 + 16, 4},
		{"pack-quantized by channel", q(`{"quant_method":"compressed-tensors","config_groups":{"g":{"weights":{"num_bits":8,"group_size":null}}}}`),
			[]st{{w + "_packed", "I32", s(inner, hidden/4)}, {w + "_scale", "BF16", s(inner, 1)}, {w + "_shape", "I64", s(2)}}, "int8", "compressed-tensors", inner*2 + 16, 8},
		{"int-quantized", q(`{"quant_method":"compressed-tensors","format":"int-quantized"}`), []st{{w, "I8", s(inner, hidden)}, {w + "_scale", "BF16", s(inner, 1)}},
			"int8", "compressed-tensors", inner * 2, 8},
		{"nvfp4-pack-quantized", q(`{"quant_method":"compressed-tensors"}`),
			[]st{{w + "_packed", "U8", s(inner, hidden/2)}, {w + "_scale", "F8_E4M3", s(inner, hidden/16)}, {w + "_global_scale", "F32", s(1)}, {proj + ".input_global_scale", "F32", s(1)}},
			"nvfp4", "compressed-tensors", logic/16 + 8, 4},
		{"nvfp4 modelopt", q(`{"quant_method":"modelopt","quant_algo":"NVFP4"}`),
			[]st{{w, "U8", s(inner, hidden/2)}, {w + "_scale", "F8_E4M3", s(inner, hidden/16)}, {w + "_scale_2", "F32", s()}, {proj + ".input_scale", "F32", s()}},
			"nvfp4", "modelopt", logic/16 + 8, 4},
		{"mxfp4 quark", q(`{"quant_method":"quark"}`), []st{{w, "U8", s(inner, hidden/2)}, {w + "_scale", "U8", s(inner, hidden/32)}}, "mxfp4", "quark", logic / 32, 4},
		{"int4 modelopt", q(`{"quant_method":"modelopt","quant_algo":"W4A16_AWQ"}`), []st{{w, "U8", s(inner/2, hidden)}, {w + "_scale", "BF16", s(inner, hidden/128)}},
			"int4", "modelopt", inner * 4 * 2, 4},
		{"mxfp4 gpt-oss", q(`{"quant_method":"mxfp4"}`), []st{{"model.layers.0.mlp.experts.up_blocks", "U8", s(4, inner/4, hidden/32, 16)},
			{"model.layers.0.mlp.experts.up_scales", "U8", s(4, inner/4, hidden/32)}}, "mxfp4", "mxfp4", logic / 32, 4},
		{"bnb nf4", q(`{"quant_method":"bitsandbytes","load_in_4bit":true}`), bnb4("nf4"), "nf4", "bitsandbytes", logic/64 + 4*16 + 4*logic/64/256 + 4*256 + 90, 4},
		{"bnb fp4", q(`{"quant_method":"bitsandbytes","load_in_4bit":true}`), bnb4("fp4"), "fp4", "bitsandbytes", logic/64 + 4*16 + 4*logic/64/256 + 4*256 + 90, 4},
		{"bnb int8", q(`{"quant_method":"bitsandbytes","load_in_8bit":true}`), []st{{w, "I8", s(inner, hidden)}, {proj + ".SCB", "F32", s(inner)}, {proj + ".weight_format", "U8", s()}},
			"int8", "bitsandbytes", 4*inner + 1, 8},
	}
}

func gptq(bits uint64, order bool) []st {
	list := []st{{proj + ".qweight", "I32", s(hidden*bits/32, inner)}, {proj + ".qzeros", "I32", s(4, inner*bits/32)}, {proj + ".scales", "F16", s(4, inner)}}
	if order {
		list = append(list, st{proj + ".g_idx", "I32", s(hidden)})
	}
	return list
}

func bnb4(typ string) []st {
	w := proj + ".weight"
	return []st{{w, "U8", s(logic/2, 1)}, {w + ".absmax", "U8", s(logic / 64)}, {w + ".quant_map", "F32", s(16)}, {w + ".nested_absmax", "F32", s(logic / 64 / 256)},
		{w + ".nested_quant_map", "F32", s(256)}, {w + ".quant_state.bitsandbytes__" + typ, "U8", s(90)}}
}

// TestEachFormCountsLogicalParameters: the same projection has the same number of
// parameters however it is packed, and its scales are storage.
func TestEachFormCountsLogicalParameters(t *testing.T) {
	for _, f := range forms() {
		t.Run(f.name, func(t *testing.T) {
			c, absent := must(t, model("BF16", f.tensors...).file("model.safetensors"), text("config.json", f.config))
			if c.Parameters != around+logic || c.UnknownTensors != 0 {
				t.Fatalf("%d parameters, %d unknown tensors, want %d: %v", c.Parameters, c.UnknownTensors, around+logic, absent)
			}
			i := slices.IndexFunc(c.ByType, func(x census.TypeCount) bool { return x.Type == f.typ && x.Scheme == f.scheme })
			if i < 0 {
				t.Fatalf("no %s (%s) in %+v", f.typ, f.scheme, c.ByType)
			}
			got, bytes := c.ByType[i], logic*f.bits/8+f.extra
			if f.typ == "bf16" {
				got.Parameters, got.StorageBytes = got.Parameters-around, got.StorageBytes-2*around
			}
			if got.Parameters != logic || got.StorageBytes != bytes {
				t.Errorf("%d parameters in %d bytes, want %d in %d", got.Parameters, got.StorageBytes, logic, bytes)
			}
			if f.typ != "bf16" && got.MilliBits != bytes*8000/logic {
				t.Errorf("%d millibits, want %d", got.MilliBits, bytes*8000/logic)
			}
			for _, k := range c.Conflicts {
				if f.config != "{}" {
					t.Errorf("conflict %v", k)
				}
			}
			if c.ActiveParameters == nil && !strings.Contains(fmt.Sprint(absent), "experts for each token") {
				t.Errorf("no active parameters: %v", absent)
			}
		})
	}
}

// TestGGUFTypesHaveTheirBlocks: each type of ggml, one tensor, against the table of the writer.
func TestGGUFTypesHaveTheirBlocks(t *testing.T) {
	for typ, b := range ggmlBlock {
		if typ >= 24 && typ <= 27 {
			continue
		}
		c, _ := must(t, gguf([]kv{{"general.architecture", "llama"}}, gt{"output.weight", typ, s(512, 3)}).file("m.gguf"))
		got := c.ByType[0]
		if c.Parameters != 1536 || got.StorageBytes != 1536/b[0]*b[1] || got.MilliBits != b[1]*8000/b[0] {
			t.Errorf("type %d: %+v", typ, got)
		}
	}
}
