package census_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/hallmark-attest/hallmark/engine/census"
)

// BenchmarkRead is a mixture of the largest size of 2026: 200,000 tensors in 60 shards, with an index.
func BenchmarkRead(b *testing.B) {
	const shards, layer = 60, 1112
	files, pairs := []census.File{text("config.json", `{"n_routed_experts":1112,"num_experts_per_tok":8}`)}, map[string]string{}
	for i := range shards {
		var list []st
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, shards)
		for e := range layer {
			w := fmt.Sprintf("model.layers.%d.mlp.experts.%d.gate_up_proj.weight", i, e)
			list = append(list, st{w + "_packed", "I32", s(2048, 896)}, st{w + "_scale", "BF16", s(2048, 224)}, st{w + "_zero_point", "I32", s(256, 224)})
		}
		for _, t := range list {
			pairs[t.name] = name
		}
		files = append(files, safetensors(list...).file(name))
	}
	index, err := json.Marshal(map[string]any{"weight_map": pairs})
	if err != nil {
		b.Fatal(err)
	}
	files = append(files, text("model.safetensors.index.json", string(index)))
	b.ReportAllocs()
	for b.Loop() {
		if c, absent := census.Read(context.Background(), files); c == nil || c.Tensors != shards*layer*3 || c.UnknownTensors != 0 {
			b.Fatalf("%+v %v", c, absent)
		}
	}
}
