package census_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine/census"
)

func active(t *testing.T, want uint64, files ...census.File) *census.Census {
	t.Helper()
	c, absent := must(t, files...)
	if c.ActiveParameters == nil || *c.ActiveParameters != want {
		t.Fatalf("active %v of %d, want %d: %v", deref(c.ActiveParameters), c.Parameters, want, absent)
	}
	return c
}

func deref(p *uint64) any {
	if p == nil {
		return "absent"
	}
	return *p
}

// numbered are experts as DeepSeek and Mixtral name them.
func numbered(n int) (list []st) {
	for i := range n {
		list = append(list, st{fmt.Sprintf("model.layers.0.mlp.experts.%d.up_proj.weight", i), "BF16", s(32, hidden)})
	}
	return append(list, st{"model.layers.0.mlp.shared_experts.up_proj.weight", "BF16", s(32, hidden)}, st{"model.layers.0.mlp.gate.weight", "BF16", s(uint64(n), hidden)})
}

func TestActiveParametersAreThoseOfTheUsedExperts(t *testing.T) {
	config := func(n, k int) census.File {
		return text("config.json", fmt.Sprintf(`{"n_routed_experts":%d,"num_experts_per_tok":%d,"n_shared_experts":1}`, n, k))
	}
	beside := uint64(around + 32*hidden + 8*hidden) // shared experts and router are always active
	c := active(t, beside+2*32*hidden, model("BF16", numbered(8)...).file("model.safetensors"), config(8, 2))
	if c.Experts.Count != 8 || *c.Experts.PerToken != 2 || c.Experts.Parameters != 8*32*hidden || len(c.Conflicts) != 0 {
		t.Errorf("%+v, conflicts %v", c.Experts, c.Conflicts)
	}
	c = active(t, beside+2*32*hidden, model("BF16", numbered(8)...).file("model.safetensors"), config(16, 2))
	if len(c.Conflicts) != 1 || c.Conflicts[0].Key != "experts" || c.Conflicts[0].Config != "16" || c.Conflicts[0].Found != "8" {
		t.Errorf("conflicts %v", c.Conflicts)
	}
	fused := []st{{"model.layers.0.feed_forward.experts.gate_up_proj", "BF16", s(8, hidden, 64)}}
	active(t, around+hidden*64, model("BF16", fused...).file("model.safetensors"), text("config.json", `{"text_config":{"num_local_experts":8,"num_experts_per_tok":1}}`))
	granite := []st{{"model.layers.0.block_sparse_moe.input_linear.weight", "BF16", s(8, 64, hidden)}}
	active(t, around+4*hidden*64, model("BF16", granite...).file("model.safetensors"), text("config.json", `{"num_local_experts":8,"num_experts_per_tok":4}`))
	dbrx := []st{{"transformer.blocks.0.ffn.experts.mlp.w1", "BF16", s(8*64, hidden)}}
	active(t, around+4*hidden*64, model("BF16", dbrx...).file("model.safetensors"), text("config.json", `{"ffn_config":{"moe_num_experts":8,"moe_top_k":4}}`))
	active(t, around+logic, model("BF16", st{proj + ".weight", "BF16", s(inner, hidden)}).file("model.safetensors"), text("config.json", `{}`))
}

func TestActiveParametersOfGGUF(t *testing.T) {
	meta := []kv{{"general.architecture", "qwen3moe"}, {"qwen3moe.expert_count", uint32(16)}, {"qwen3moe.expert_used_count", uint32(4)}}
	active(t, 512*64+512*32*4+512*32, gguf(meta, gt{"token_embd.weight", 14, s(512, 64)}, gt{"blk.0.ffn_up_exps.weight", 12, s(512, 32, 16)},
		gt{"blk.0.ffn_up_shexp.weight", 12, s(512, 32)}).file("m.gguf"))
	old := []kv{{"general.architecture", "llama"}, {"llama.expert_count", uint32(2)}, {"llama.expert_used_count", uint32(1)}}
	active(t, 512*64+512*32, gguf(old, gt{"token_embd.weight", 14, s(512, 64)}, gt{"blk.0.ffn_up.0.weight", 12, s(512, 32)}, gt{"blk.0.ffn_up.1.weight", 12, s(512, 32)}).file("m.gguf"))
}

// TestActiveParametersAreAbsentWhereTheShareIsNotKnown: a mixture without its numbers is not a dense model.
func TestActiveParametersAreAbsentWhereTheShareIsNotKnown(t *testing.T) {
	for name, c := range map[string]struct {
		tensors      []st
		config, want string
	}{
		"no number per token":     {numbered(8), `{"n_routed_experts":8}`, "not stated"},
		"more than there are":     {numbered(8), `{"n_routed_experts":8,"num_experts_per_tok":9}`, "more than the 8"},
		"none per token":          {numbered(8), `{"n_routed_experts":8,"num_experts_per_tok":0}`, "not stated"},
		"differs by layer":        {numbered(8), `{"n_routed_experts":8,"moe_topk":[2,4]}`, "not stated"},
		"no tensor is an expert":  {[]st{{proj + ".weight", "BF16", s(inner, hidden)}}, `{"num_local_experts":8,"num_experts_per_tok":2}`, "no tensor is one"},
		"unknown packing":         {[]st{{proj + ".weight", "U8", s(inner, hidden)}}, `{}`, "unknown packing"},
		"negative number":         {numbered(8), `{"num_experts_per_tok":-1}`, "not stated"},
		"number that is no count": {numbered(8), `{"num_experts_per_tok":"two"}`, "not stated"},
	} {
		t.Run(name, func(t *testing.T) {
			got, absent := must(t, model("BF16", c.tensors...).file("model.safetensors"), text("config.json", c.config))
			if got.ActiveParameters != nil || !hasAbsence(absent, "census.active_parameters", c.want) {
				t.Errorf("active %v, absences %v", deref(got.ActiveParameters), absent)
			}
		})
	}
}

func hasAbsence(list []attest.Absence, what, detail string) bool {
	for _, a := range list {
		if a.What == what && strings.Contains(a.Detail, detail) {
			return true
		}
	}
	return false
}
