package census_test

import (
	"testing"

	"github.com/hallmark-attest/hallmark/engine/census"
)

func formed(t *testing.T, name string) *census.Census {
	t.Helper()
	for _, f := range forms() {
		if f.name == name {
			c, _ := must(t, model("BF16", f.tensors...).file("model.safetensors"), text("config.json", f.config))
			return c
		}
	}
	t.Fatalf("no form %s", name)
	return nil
}

func wantVerdict(t *testing.T, c *census.Census, declared string, want census.Verdict, exact bool) census.Precision {
	t.Helper()
	p := c.Against(declared)
	if p.Verdict != want || p.Exact != exact || p.Why == "" {
		t.Errorf("declared %s: %+v, want %s, exact %v", declared, p, want, exact)
	}
	return p
}

// TestDownCastWeightsAreLower: rule M3. Every form below 16 bits contradicts bf16.
func TestDownCastWeightsAreLower(t *testing.T) {
	for _, f := range forms() {
		want := census.Lower
		if f.bits == 16 {
			want = census.Match
		}
		p := wantVerdict(t, formed(t, f.name), "bf16", want, true)
		if want == census.Lower && p.BelowPermille < 980 {
			t.Errorf("%s: %d permille below", f.name, p.BelowPermille)
		}
	}
	for typ, name := range map[uint32]string{8: "q8_0", 2: "q4_0", 12: "q4_k", 39: "mxfp4", 40: "nvfp4", 16: "iq2_xxs", 34: "tq1_0"} {
		c, _ := must(t, llama(typ, typ).file("m.gguf"))
		wantVerdict(t, c, "bf16", census.Lower, false)
		wantVerdict(t, c, "f16", census.Lower, false)
		wantVerdict(t, c, name, census.Match, true)
	}
}

// llama is a small GGUF: norms in f32, output and embeddings in one type, the rest in another.
func llama(typ, output uint32) sparse {
	return gguf([]kv{{"general.architecture", "llama"}},
		gt{"token_embd.weight", output, s(512, 64)}, gt{"output.weight", output, s(512, 64)}, gt{"output_norm.weight", 0, s(512)},
		gt{"blk.0.ffn_up.weight", typ, s(512, 1024)}, gt{"blk.0.ffn_down.weight", typ, s(1024, 512)}, gt{"blk.0.attn_norm.weight", 0, s(512)})
}

// TestHonestMixturesMatch: what is wider than declared never counts against a model.
func TestHonestMixturesMatch(t *testing.T) {
	w := proj + ".weight"
	norm := st{"model.layers.0.input_layernorm.weight", "F32", s(hidden)}
	router := st{"model.layers.0.mlp.gate.weight", "F32", s(8, hidden)}
	head := st{"lm_head.weight", "BF16", s(600, hidden)}
	for name, c := range map[string]struct {
		file            sparse
		declared, exact string
	}{
		"fp8 with bf16 embeddings and head":   {model("BF16", st{w, "F8_E4M3", s(inner, hidden)}, st{w + "_scale_inv", "F32", s(8, 4)}, head, norm), "fp8", "exact"},
		"bf16 with f32 norms and router":      {model("BF16", st{w, "BF16", s(inner, hidden)}, norm, router), "bfloat16", "exact"},
		"gptq with bf16 head":                 {model("BF16", append(gptq(4, true), head)...), "int4", "exact"},
		"nf4 as int4":                         {model("BF16", bnb4("nf4")...), "int4", ""},
		"bf16 as f16":                         {model("BF16", st{w, "BF16", s(inner, hidden)}), "torch.float16", ""},
		"f16 as bf16":                         {model("F16", st{w, "F16", s(inner, hidden)}), "bf16", ""},
		"int8 as fp8":                         {model("BF16", st{w, "I8", s(inner, hidden)}, st{w + "_scale", "F32", s(inner, 1)}), "fp8", ""},
		"q4_k_m with q6_k":                    {llama(12, 14), "Q4_K_M", "exact"},
		"q4_0 as q4_k_m":                      {llama(2, 14), "q4_k_m", ""},
		"q8_0 with f16 output":                {llama(8, 1), "q8_0", "exact"},
		"iq3_xs of iq3_xxs and iq3_s":         {llama(18, 21), "iq3_xs", "exact"},
		"mxfp4_moe with q8_0":                 {llama(39, 8), "mxfp4_moe", "exact"},
		"five of a hundred are below":         {model("BF16", st{w, "BF16", s(9500, hidden)}, st{"x.weight", "F8_E4M3", s(500, hidden)}), "bf16", "exact"},
		"an unknown buffer of no consequence": {model("BF16", st{w, "BF16", s(inner, hidden)}, st{"x.ids", "I64", s(16)}), "bf16", "exact"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := must(t, c.file.file(map[bool]string{true: "m.gguf", false: "model.safetensors"}[string(c.file.head[:4]) == "GGUF"]))
			wantVerdict(t, got, c.declared, census.Match, c.exact != "")
		})
	}
}

// TestVerdictsOfTheRule: the borders of the rule, one by one.
func TestVerdictsOfTheRule(t *testing.T) {
	w := proj + ".weight"
	for name, c := range map[string]struct {
		file     sparse
		declared string
		want     census.Verdict
	}{
		"more than five of a hundred are below":        {model("BF16", st{w, "BF16", s(9400, hidden)}, st{"x.weight", "F8_E4M3", s(600, hidden)}), "bf16", census.Lower},
		"bf16 on disk, fp8 declared":                   {model("BF16", st{w, "BF16", s(inner, hidden)}), "fp8", census.Higher},
		"f32 declared":                                 {model("BF16", st{w, "BF16", s(inner, hidden)}), "float32", census.Lower},
		"iq4_xs under the name of q4_k_m":              {llama(23, 14), "q4_k_m", census.Lower},
		"q3_k under the name of q4_k_m":                {llama(11, 14), "q4_k_m", census.Lower},
		"iq2_xxs under the name of iq2_m":              {llama(16, 14), "iq2_m", census.Lower},
		"iq2_s throughout under the name of iq3_xxs":   {llama(22, 13), "iq3_xxs", census.Lower},
		"int4 under the name of int8":                  {model("BF16", gptq(4, true)...), "int8", census.Lower},
		"int3 under the name of w4a16":                 {model("BF16", gptq(3, true)...), "w4a16", census.Lower},
		"q8_0 under the name of int4":                  {llama(8, 8), "int4", census.Higher},
		"a name without bits":                          {model("BF16", gptq(4, true)...), "gptq", census.NotEvaluable},
		"no name":                                      {model("BF16", gptq(4, true)...), "", census.NotEvaluable},
		"a dynamic mixture":                            {llama(12, 14), "UD-Q4_K_XL", census.NotEvaluable},
		"an integer type is no precision":              {llama(12, 14), "i8", census.NotEvaluable},
		"an unknown packing":                           {model("BF16", st{w, "U8", s(inner, hidden/2)}), "bf16", census.NotEvaluable},
		"lower whatever an unknown packing may hold":   {model("BF16", append(gptq(4, true), st{"x.codes", "I16", s(10)})...), "bf16", census.Lower},
		"too many below, unless the unknown are not":   {model("BF16", st{w, "BF16", s(9400, hidden)}, st{"x.weight", "F8_E4M3", s(600, hidden)}, st{"x.codes", "U8", s(204800)}), "bf16", census.NotEvaluable},
		"an unknown packing that could tip the scales": {model("BF16", st{w, "BF16", s(inner, hidden)}, st{"x.codes", "U8", s(8000)}), "bf16", census.NotEvaluable},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := must(t, c.file.file(map[bool]string{true: "m.gguf", false: "model.safetensors"}[string(c.file.head[:4]) == "GGUF"]))
			if p := got.Against(c.declared); p.Verdict != c.want {
				t.Errorf("%+v, want %s", p, c.want)
			}
		})
	}
}

// TestIQ3XXSMayUseSmallerBlocksForAQuarter: llama.cpp's recipe has iq2_s in the query and key projections.
func TestIQ3XXSMayUseSmallerBlocksForAQuarter(t *testing.T) {
	recipe := func(q, rest uint64, typ uint32) *census.Census {
		c, _ := must(t, gguf([]kv{{"general.architecture", "llama"}}, gt{"blk.0.attn_q.weight", typ, s(512, q)}, gt{"blk.0.ffn_up.weight", 18, s(512, rest)}).file("m.gguf"))
		return c
	}
	wantVerdict(t, recipe(25, 75, 22), "iq3_xxs", census.Match, true)
	wantVerdict(t, recipe(26, 74, 22), "iq3_xxs", census.Lower, true)
	wantVerdict(t, recipe(6, 94, 16), "iq3_xxs", census.Lower, true)
}

// A recipe that puts blocks below its name is held to its own limit, everything else to the tolerance.
func TestLimitIsTheOneThatDecided(t *testing.T) {
	mixed := func(low uint64) *census.Census {
		c, _ := must(t, gguf([]kv{{"general.architecture", "llama"}}, gt{"blk.0.ffn_up.weight", 22, s(256, low)}, gt{"blk.0.ffn_down.weight", 18, s(256, 1000-low)}).file("m.gguf"))
		return c
	}
	for _, k := range []struct {
		declared string
		low      uint64
		want     census.Verdict
		limit    uint64
	}{{"iq3_xxs", 200, census.Match, 250}, {"iq3_xxs", 300, census.Lower, 250}, {"bf16", 200, census.Lower, 50}, {"iq2_s", 200, census.Higher, 50}} {
		p := mixed(k.low).Against(k.declared)
		if p.Verdict != k.want || p.LimitPermille != k.limit || (p.BelowPermille > p.LimitPermille) != (k.want == census.Lower) {
			t.Errorf("%s with %d below: %+v", k.declared, k.low, p)
		}
	}
}
