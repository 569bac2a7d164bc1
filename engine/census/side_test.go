package census_test

import (
	"slices"
	"testing"

	"github.com/hallmark-attest/hallmark/engine/census"
)

// What a token only looks up, and what takes no part in writing text, is not read for each token: a bound on speed must leave it out.
func TestSideParametersAreThoseThatATokenNeedNotRead(t *testing.T) {
	config := text("config.json", `{"architectures":["X"]}`)
	plain := []st{{"model.layers.0.mlp.up_proj.weight", "BF16", s(64, hidden)}, {"lm_head.weight", "BF16", s(100, hidden)}}
	for name, c := range map[string]struct {
		add  []st
		side uint64
	}{
		"none":                 {nil, 0},
		"input embeddings":     {[]st{{"model.word_embeddings.weight", "BF16", s(100, hidden)}}, 100 * hidden},
		"per layer":            {[]st{{"model.language_model.embed_tokens_per_layer.weight", "BF16", s(900, hidden)}}, 900 * hidden},
		"a tower for pictures": {[]st{{"model.vision_tower.blocks.0.attn.weight", "BF16", s(40, hidden)}}, 40 * hidden},
		"further heads":        {[]st{{"model.mtp.layers.0.up_proj.weight", "BF16", s(30, hidden)}}, 30 * hidden},
		"experts count apart":  {numbered(4), 0},
	} {
		got, _ := must(t, model("BF16", slices.Concat(plain, c.add)...).file("model.safetensors"), config)
		base, _ := must(t, model("BF16", slices.Clone(plain)...).file("model.safetensors"), config)
		if got.SideParameters-base.SideParameters != c.side {
			t.Errorf("%s: %d side parameters of %d, want %d", name, got.SideParameters-base.SideParameters, got.Parameters, c.side)
		}
		if err := got.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&census.Census{Format: census.FormatGGUF, Files: 1, SideParameters: 1}).Check(); err == nil {
		t.Error("more side parameters than there are")
	}
}
