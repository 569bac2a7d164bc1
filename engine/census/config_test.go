package census_test

import (
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/engine/census"
)

// TestConfigAndHeadersAreHeldAgainstEachOther: each way to contradict, and what it is called.
func TestConfigAndHeadersAreHeldAgainstEachOther(t *testing.T) {
	bf16 := st{proj + ".weight", "BF16", s(inner, hidden)}
	fp8 := st{proj + ".weight", "F8_E4M3", s(inner, hidden)}
	for name, c := range map[string]struct {
		file sparse
		with []census.File
		want string // key: config -> found, empty for none
	}{
		"bf16 declared, bf16 there":    {model("BF16", bf16), []census.File{text("config.json", `{"torch_dtype":"bfloat16"}`)}, ""},
		"bf16 declared, fp8 there":     {model("BF16", fp8), []census.File{text("config.json", `{"dtype":"bfloat16"}`)}, "dtype: bfloat16 -> fp8-e4m3"},
		"f32 declared, bf16 there":     {model("BF16", bf16), []census.File{text("config.json", `{"torch_dtype":"float32"}`)}, "dtype: float32 -> bf16"},
		"nothing declared, fp8 there":  {model("BF16", fp8), []census.File{text("config.json", `{}`)}, "quant_method: none -> fp8-e4m3"},
		"gptq declared, bf16 there":    {model("BF16", bf16), []census.File{text("config.json", `{"quantization_config":{"quant_method":"gptq","bits":4}}`)}, "quant_method: gptq -> bf16"},
		"awq declared, gptq there":     {model("BF16", gptq(4, true)...), []census.File{text("config.json", `{"quantization_config":{"quant_method":"awq","bits":4}}`)}, "quant_method: awq -> int4 (gptq)"},
		"8 bits declared, 4 there":     {model("BF16", gptq(4, true)...), []census.File{text("config.json", `{"quantization_config":{"quant_method":"gptq","bits":8}}`)}, "bits: 8 -> int4"},
		"companions that differ":       {model("BF16", gptq(4, true)...), []census.File{text("config.json", `{"quantization_config":{"quant_method":"gptq","bits":4}}`), text("quantize_config.json", `{"bits":8}`)}, "quantize_config.json: bits: 4 -> 8"},
		"another method in companions": {model("BF16", gptq(4, true)...), []census.File{text("config.json", `{"quantization_config":{"quant_method":"gptq","bits":4}}`), text("quant_config.json", `{"w_bit":4}`)}, "quant_config.json: quant_method: gptq -> awq"},
		"a companion alone":            {model("BF16", gptq(4, true)...), []census.File{text("config.json", `{}`), text("quantize_config.json", `{"bits":4,"group_size":128}`)}, ""},
		"modelopt's companion":         {model("BF16", st{proj + ".weight", "F8_E4M3", s(inner, hidden)}, st{proj + ".weight_scale", "F32", s()}), []census.File{text("hf_quant_config.json", `{"quantization":{"quant_algo":"FP8","kv_cache_quant_algo":"FP8"}}`)}, ""},
		"q4_k_m named, q3_k there":     {gguf([]kv{{"general.architecture", "llama"}, {"general.file_type", uint32(15)}}, gt{"a", 11, s(512, 2)}), nil, "file_type: q4_k_m -> q3_k"},
		"q4_k_m named, q4_k there":     {gguf([]kv{{"general.architecture", "llama"}, {"general.file_type", uint32(15)}}, gt{"a", 12, s(512, 2)}), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := map[bool]string{true: "m.gguf", false: "model.safetensors"}[string(c.file.head[:4]) == "GGUF"]
			got, _ := must(t, append(c.with, c.file.file(path))...)
			all := ""
			for _, k := range got.Conflicts {
				all += k.Key + ": " + k.Config + " -> " + k.Found + "\n"
			}
			if c.want == "" && all != "" || !strings.Contains(all, c.want) {
				t.Errorf("conflicts %q, want %q", all, c.want)
			}
		})
	}
}

func TestConfigIsReadAsWritten(t *testing.T) {
	c, _ := must(t, model("BF16", gptq(4, true)...).file("model.safetensors"), text("config.json", `{"architectures":["QwenForCausalLM"],"time_step_limit":[0.0,Infinity,-1.5e3,null,true],
		"text_config":{"dtype":"float16","num_experts":1},"quantization_config":{"quant_method":"gptq","bits":4,"group_size":128,"checkpoint_format":"gptq_v2"}}`))
	k := c.Config
	if k.Architecture != "QwenForCausalLM" || k.DType != "float16" || k.Method != "gptq" || *k.Bits != 4 || *k.GroupSize != 128 || k.Format != "gptq_v2" || *k.Experts != 1 {
		t.Errorf("%+v", k)
	}
}

// TestBadConfigIsAnAbsence: the headers still count.
func TestBadConfigIsAnAbsence(t *testing.T) {
	for name, c := range map[string]struct{ config, want string }{
		"a key twice":        {`{"a":1,"a":2}`, "twice"},
		"a list":             {`[]`, "not a JSON object"},
		"very deep":          {strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), "nesting"},
		"no JSON":            {`{"a":nope}`, "no value"},
		"a hexadecimal":      {`{"a":0x10}`, "no value"},
		"a number of a page": {`{"a":` + strings.Repeat("1", 100) + `}`, "64 bytes"},
		"not UTF-8":          {"{\"a\":\"\xff\"}", "UTF-8"},
		"an unknown escape":  {`{"a":"\x"}`, "escape"},
		"half an escape":     {`{"a":"\u12"}`, "in \\u"},
		"two values":         {`{"a":1 2}`, "within a list"},
		"more after it":      {`{} 1`, "after the end"},
		"nothing":            {``, "ends within"},
		"too much":           {`{"a":"` + strings.Repeat("x", census.MaxConfigBytes) + `"}`, "limit"},
		"too many":           {`{"a":[` + strings.Repeat("1,", census.MaxNodes) + `1]}`, "limit"},
	} {
		t.Run(name, func(t *testing.T) {
			got, absent := must(t, model("BF16").file("model.safetensors"), text("config.json", c.config))
			if got.Config != nil || !hasAbsence(absent, "census.config", "config.json: ") || !hasAbsence(absent, "census.config", c.want) {
				t.Errorf("config %+v, absences %v, want %q", got.Config, absent, c.want)
			}
		})
	}
}
