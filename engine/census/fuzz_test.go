package census_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine/census"
)

// sound wants what any census must be: it encodes, parses, and answers every declaration without a crash.
func sound(t *testing.T, files ...census.File) {
	c, absent := census.Read(context.Background(), files)
	if err := attest.CheckAbsences(absent); err != nil {
		t.Fatal(err)
	}
	if c == nil {
		if len(absent) == 0 {
			t.Fatal("neither census nor absence")
		}
		return
	}
	b, err := attest.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := census.Parse(b)
	if err != nil {
		t.Fatalf("%v\n%+v", err, c)
	}
	for _, d := range []string{"bf16", "fp8", "int4", "q4_k_m", "iq3_xxs", ""} {
		if p, q := c.Against(d), again.Against(d); p != q || p.BelowPermille+p.AtPermille+p.AbovePermille > 1000 {
			t.Fatalf("%+v, %+v", p, q)
		}
	}
}

// FuzzSafetensors has the header's text as its input; raw says that the eight
// bytes of its length are part of it.
func FuzzSafetensors(f *testing.F) {
	for i, x := range forms() {
		m := model("BF16", x.tensors...)
		f.Add(m.head[8*(1-i%2):], m.size-uint64(len(m.head)), x.config, i%2 == 1)
	}
	m := model("BF16", numbered(4)...)
	f.Add(m.head[8:], m.size-uint64(len(m.head)), `{"n_routed_experts":4,"num_experts_per_tok":2}`, false)
	f.Fuzz(func(t *testing.T, head []byte, data uint64, config string, raw bool) {
		m := rawTensors(string(head), data%(1<<45))
		if raw {
			m.head, m.size = head, uint64(len(head))+data%(1<<45)
		}
		sound(t, m.file("model.safetensors"), text("config.json", config))
	})
}

func FuzzGGUF(f *testing.F) {
	meta := []kv{{"general.architecture", "qwen3moe"}, {"qwen3moe.expert_count", uint32(16)}, {"qwen3moe.expert_used_count", uint32(4)}, {"general.file_type", uint32(15)},
		{"a", []string{"x", "y"}}, {"b", []float32{1, 2}}, {"c", true}}
	for _, m := range []sparse{llama(12, 14), llama(39, 8), gguf(meta, gt{"blk.0.ffn_up_exps.weight", 12, s(512, 32, 16)}), ggufVersion(2, nil, gt{"a", 26, s(4)})} {
		f.Add(m.head, m.size-uint64(len(m.head)))
	}
	f.Fuzz(func(t *testing.T, head []byte, data uint64) {
		sound(t, sparse{head: head, size: uint64(len(head)) + data%(1<<24)}.file("m.gguf"))
	})
}

func FuzzIndex(f *testing.F) {
	f.Add(`{"metadata":{"total_size":60},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}`)
	f.Add(`{"weight_map":{"a":"model-00001-of-00002.safetensors"},"x":[1,{"y":null}]}`)
	f.Fuzz(func(t *testing.T, index string) {
		sound(t, shardA(), shardB(), text("model.safetensors.index.json", index))
	})
}

// FuzzConfig: config.json and the older companions, over a model in which they matter.
func FuzzConfig(f *testing.F) {
	for _, x := range forms() {
		f.Add(x.config, `{"bits":4}`)
	}
	f.Fuzz(func(t *testing.T, config, companion string) {
		w := proj + ".weight"
		files := []census.File{model("BF16", append(numbered(4), st{w + "_packed", "I32", s(inner, hidden/8)}, st{w + "_scale", "BF16", s(inner, 4)})...).file("model.safetensors")}
		sound(t, append(files, text("config.json", config), text("quantize_config.json", companion))...)
	})
}

func FuzzParse(f *testing.F) {
	for _, x := range forms() {
		c, _ := census.Read(context.Background(), []census.File{model("BF16", x.tensors...).file("model.safetensors"), text("config.json", x.config)})
		b, err := attest.Marshal(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := census.Parse(b)
		if err != nil {
			return
		}
		again, err := attest.Marshal(c)
		if err != nil || !bytes.Equal(b, again) {
			t.Fatalf("%v: %x", err, again)
		}
		c.Against("bf16")
	})
}
