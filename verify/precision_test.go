package verify

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/engine/census"
)

// onDisk is a model as files: a header each, the numbers are zeros.
type onDisk map[string][]byte

// tensor is one entry of a safetensors header.
type tensor struct {
	DType   string    `json:"dtype"`
	Shape   []uint64  `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

const up = "model.layers.0.mlp.up_proj"

// tensors writes a safetensors file, the same bytes for the same tensors; sizes are in bytes.
func tensors(sizes map[string]uint64, shapes map[string]tensor) []byte {
	at := uint64(0)
	for _, name := range slices.Sorted(maps.Keys(sizes)) {
		size, t := sizes[name], shapes[name]
		t.Offsets = [2]uint64{at, at + size}
		shapes[name], at = t, at+size
	}
	h, err := json.Marshal(shapes)
	if err != nil {
		panic(err)
	}
	b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...)
	return append(b, make([]byte, at)...)
}

// projection is a model of one projection of 1024 x 512 and a norm in f32.
func projection(dtype string, bytesEach uint64) []byte {
	return tensors(map[string]uint64{up + ".weight": 1024 * 512 * bytesEach, "model.norm.weight": 4 * 512},
		map[string]tensor{up + ".weight": {DType: dtype, Shape: []uint64{1024, 512}}, "model.norm.weight": {DType: "F32", Shape: []uint64{512}}})
}

// ggufOf writes a GGUF file with one matrix of a type with blocks of 32 numbers.
func ggufOf(typ uint32, blockBytes uint64) []byte {
	var b []byte
	le := binary.LittleEndian
	str := func(s string) { b = append(le.AppendUint64(b, uint64(len(s))), s...) }
	b = le.AppendUint64(le.AppendUint64(le.AppendUint32(append(b, "GGUF"...), 3), 1), 1)
	str("general.architecture")
	b = le.AppendUint32(b, 8)
	str("llama")
	str("blk.0.ffn_up.weight")
	b = le.AppendUint64(le.AppendUint64(le.AppendUint32(b, 2), 512), 1024)
	b = le.AppendUint64(le.AppendUint32(b, typ), 0)
	b = append(b, make([]byte, (32-len(b)%32)%32)...)
	return append(b, make([]byte, 1024*512/32*blockBytes)...)
}

// measuredModel writes the files and states them as an agent does.
func measuredModel(t *testing.T, files onDisk) engine.Model {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := engine.Measure(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := m.Digest()
	if err != nil {
		t.Fatal(err)
	}
	c, absent, err := engine.Census(t.Context(), dir, m)
	if err != nil || c == nil {
		t.Fatal(absent, err)
	}
	return engine.Model{Path: "/m", Complete: true, Digest: d[:], SizeBytes: m.Size(), Files: uint64(len(m)), Freshness: engine.FreshHashed, OldestMs: 1, Entries: m, Census: c}
}

// declaring is a serving engine with these models.
func declaring(t *testing.T, precision string, models ...engine.Model) *engine.Engine {
	e := serving(t)
	e.Declared.Precision, e.Models, e.Weights = precision, models, []engine.Weight{}
	return e
}

// wantM3 holds rule and finding of the only engine.
func wantM3(t *testing.T, r *Result, outcome, finding string) RuleOutcome {
	t.Helper()
	if m := outcomesM3(r); len(m) != 1 || m[0].Outcome != outcome || m[0].Reason == "" || m[0].Calibrated != (m[0].Value != nil) || m[0].Assurance != Asserted {
		t.Fatalf("%+v, want %s", r.Rules, outcome)
	}
	var said []string
	for _, f := range r.Findings {
		if strings.HasPrefix(f.ID, "engine.precision.") {
			said = append(said, f.ID)
		}
	}
	if !slices.Equal(said, []string{finding}) {
		t.Fatalf("findings %v, want %s", said, finding)
	}
	return outcomesM3(r)[0]
}

func TestDownCastWeightsViolateM3(t *testing.T) {
	gptq := tensors(map[string]uint64{up + ".qweight": 64 * 1024 * 4, up + ".qzeros": 4 * 128 * 4, up + ".scales": 4 * 1024 * 2},
		map[string]tensor{up + ".qweight": {DType: "I32", Shape: []uint64{64, 1024}}, up + ".qzeros": {DType: "I32", Shape: []uint64{4, 128}}, up + ".scales": {DType: "F16", Shape: []uint64{4, 1024}}})
	mxfp4 := tensors(map[string]uint64{"model.layers.0.mlp.experts.up_blocks": 4 * 256 * 16 * 16, "model.layers.0.mlp.experts.up_scales": 4 * 256 * 16},
		map[string]tensor{"model.layers.0.mlp.experts.up_blocks": {DType: "U8", Shape: []uint64{4, 256, 16, 16}}, "model.layers.0.mlp.experts.up_scales": {DType: "U8", Shape: []uint64{4, 256, 16}}})
	for name, c := range map[string]struct {
		files onDisk
		typ   string
	}{
		"fp8":        {onDisk{"model.safetensors": projection("F8_E4M3", 1)}, "fp8-e4m3"},
		"q8_0":       {onDisk{"m.gguf": ggufOf(8, 34)}, "q8_0"},
		"q4_0":       {onDisk{"m.gguf": ggufOf(2, 18)}, "q4_0"},
		"gptq":       {onDisk{"model.safetensors": gptq, "config.json": []byte(`{"quantization_config":{"quant_method":"gptq","bits":4,"group_size":128}}`)}, "int4"},
		"mxfp4":      {onDisk{"model.safetensors": mxfp4, "config.json": []byte(`{"quantization_config":{"quant_method":"mxfp4"}}`)}, "mxfp4"},
		"mxfp4 gguf": {onDisk{"m.gguf": ggufOf(39, 17)}, "mxfp4"},
	} {
		t.Run(name, func(t *testing.T) {
			r := stating(t, nil, *declaring(t, "bf16", measuredModel(t, c.files)))
			o := wantM3(t, r, "violated", "engine.precision.lower")
			if *o.Limit != 50 || *o.Value < 900 || *o.Margin > -850 || !o.Contradicts || !strings.Contains(o.Reason, c.typ) || o.Subject != "engine main" {
				t.Errorf("%+v", o)
			}
			if f, ok := r.Primary(); !ok || f.ID != "engine.precision.lower" || r.Accepted {
				t.Errorf("decided by %+v", f)
			}
		})
	}
}

func TestHonestPrecisionPassesM3(t *testing.T) {
	mixed := tensors(map[string]uint64{up + ".weight": 1024 * 512, up + ".weight_scale_inv": 8 * 4 * 4, "lm_head.weight": 1024 * 512 * 2, "model.norm.weight": 4 * 512},
		map[string]tensor{up + ".weight": {DType: "F8_E4M3", Shape: []uint64{1024, 512}}, up + ".weight_scale_inv": {DType: "F32", Shape: []uint64{8, 4}},
			"lm_head.weight": {DType: "BF16", Shape: []uint64{1024, 512}}, "model.norm.weight": {DType: "F32", Shape: []uint64{512}}})
	for name, c := range map[string]struct {
		precision string
		files     onDisk
		finding   string
	}{
		"bf16":                           {"bf16", onDisk{"model.safetensors": projection("BF16", 2)}, "engine.precision.match"},
		"f16 has as many bits":           {"bf16", onDisk{"model.safetensors": projection("F16", 2)}, "engine.precision.match"},
		"fp8 with a head in bf16":        {"fp8", onDisk{"model.safetensors": mixed}, "engine.precision.match"},
		"q4_0 as declared":               {"q4_0", onDisk{"m.gguf": ggufOf(2, 18)}, "engine.precision.match"},
		"bf16 where int4 is declared":    {"int4", onDisk{"model.safetensors": projection("BF16", 2)}, "engine.precision.higher"},
		"a Q8_0 that is declared as fp8": {"fp8", onDisk{"m.gguf": ggufOf(8, 34)}, "engine.precision.match"},
	} {
		t.Run(name, func(t *testing.T) {
			r := stating(t, nil, *declaring(t, c.precision, measuredModel(t, c.files)))
			wantM3(t, r, "pass", c.finding)
			if bad := ids(r, Contraindicated); len(bad) > 0 {
				t.Error(bad)
			}
		})
	}
}

func TestWhatM3CannotCompareAccusesNobody(t *testing.T) {
	low := func() engine.Model { return measuredModel(t, onDisk{"model.safetensors": projection("F8_E4M3", 1)}) }
	for name, change := range map[string]func(*engine.Engine){
		"no precision declared": func(e *engine.Engine) { e.Declared.Precision = "" },
		"a name without bits":   func(e *engine.Engine) { e.Declared.Precision = "auto" },
		"no census":             func(e *engine.Engine) { e.Models[0].Census = nil },
		"an incomplete model": func(e *engine.Engine) {
			e.Models[0].Complete, e.Models[0].Digest, e.Models[0].Census = false, nil, nil
		},
		"no model":            func(e *engine.Engine) { e.Models = []engine.Model{} },
		"more bytes than are": func(e *engine.Engine) { e.Models[0].SizeBytes, e.Models[0].Entries = 7, nil },
		"unknown packings": func(e *engine.Engine) {
			c := e.Models[0].Census
			e.Models[0].Census = &census.Census{Format: c.Format, Files: 1, Tensors: 1, ByType: []census.TypeCount{}, UnknownTensors: 1, UnknownBytes: 9}
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := declaring(t, "bf16", low())
			change(e)
			wantM3(t, stating(t, nil, *e), "not evaluable", "engine.precision.not_evaluable")
		})
	}
}

func TestM3OfSeveralModelsJudgesTheDeclaredOne(t *testing.T) {
	high, low := measuredModel(t, onDisk{"model.safetensors": projection("BF16", 2)}), measuredModel(t, onDisk{"model.safetensors": projection("F8_E4M3", 1)})
	low.Path = "/draft"
	renamed := measuredModel(t, onDisk{"model.safetensors": projection("BF16", 2), "README.md": []byte("x")})
	reference := func(m engine.Model) *References {
		return refs(t, attest.Reference{Models: []attest.ReferenceModel{ModelReference("llama", m.Entries, attest.Digest(m.Digest), m.SizeBytes, m.Files)}})
	}
	argument := func(path string) func(*engine.Engine) {
		return func(e *engine.Engine) { e.Process.Args = []engine.Pair{{Name: "--model", Value: path}} }
	}
	for name, c := range map[string]struct {
		models  []engine.Model
		refs    *References
		change  func(*engine.Engine)
		outcome string
		finding string
	}{
		"nothing tells":                 {[]engine.Model{high, low}, nil, nil, "not evaluable", "engine.precision.not_evaluable"},
		"nothing tells, order reversed": {[]engine.Model{low, high}, nil, nil, "not evaluable", "engine.precision.not_evaluable"},
		"all are below":                 {[]engine.Model{low, low}, nil, nil, "violated", "engine.precision.lower"},
		"all are as declared":           {[]engine.Model{high, high}, nil, nil, "pass", "engine.precision.match"},
		"one is not counted": {[]engine.Model{low, low}, nil, func(e *engine.Engine) { e.Models[1].Census = nil }, "not evaluable",
			"engine.precision.not_evaluable"},
		"one of two good ones is not counted": {[]engine.Model{high, high}, nil, func(e *engine.Engine) { e.Models[1].Census = nil }, "not evaluable",
			"engine.precision.not_evaluable"},
		"the first of two good ones is not counted": {[]engine.Model{high, high}, nil, func(e *engine.Engine) { e.Models[0].Census = nil }, "not evaluable",
			"engine.precision.not_evaluable"},
		"of the first of two good ones a part is not known": {[]engine.Model{high, high}, nil, func(e *engine.Engine) {
			e.Models[0].Census = &census.Census{Format: "safetensors", Files: 1, Tensors: 3, Parameters: 100, UnknownTensors: 1, UnknownBytes: 50, ByType: []census.TypeCount{
				{Type: "bf16", Scheme: "none", Tensors: 1, Parameters: 90, StorageBytes: 180, MilliBits: 16000},
				{Type: "fp8-e4m3", Scheme: "none", Tensors: 1, Parameters: 10, StorageBytes: 10, MilliBits: 8000}}}
		}, "not evaluable", "engine.precision.not_evaluable"},
		"one as declared, one above":                        {[]engine.Model{high, low}, nil, func(e *engine.Engine) { e.Declared.Precision = "fp8" }, "pass", "engine.precision.match"},
		"references know the weights beside another README": {[]engine.Model{low, renamed}, reference(high), nil, "pass", "engine.precision.match"},
		"references know the good one":                      {[]engine.Model{low, high}, reference(high), nil, "pass", "engine.precision.match"},
		"references know the low one":                       {[]engine.Model{low, high}, reference(low), nil, "violated", "engine.precision.lower"},
		"started with the good one":                         {[]engine.Model{low, high}, nil, argument("/m"), "pass", "engine.precision.match"},
		"started with the low one":                          {[]engine.Model{high, low}, nil, argument("/draft"), "violated", "engine.precision.lower"},
		"started with something else":                       {[]engine.Model{high, low}, nil, argument("/x"), "not evaluable", "engine.precision.not_evaluable"},
		"not running, and they differ":                      {[]engine.Model{high, low}, nil, func(e *engine.Engine) { e.Process = nil }, "not evaluable", "engine.precision.not_evaluable"},
		"a draft model is an argument": {[]engine.Model{high, low}, nil, func(e *engine.Engine) {
			e.Process.Args = []engine.Pair{{Name: "--model-draft", Value: "/draft"}}
		}, "not evaluable", "engine.precision.not_evaluable"},
	} {
		t.Run(name, func(t *testing.T) {
			e := declaring(t, "bf16", slices.Clone(c.models)...)
			call(c.change, e)
			wantM3(t, stating(t, c.refs, *e), c.outcome, c.finding)
		})
	}
}

// Of several models that are all below, the least bad one is shown: one of them may be what is served.
func TestM3ShowsTheLeastBadOfSeveralModels(t *testing.T) {
	half := measuredModel(t, onDisk{"model.safetensors": tensors(map[string]uint64{up + ".weight": 1024 * 512, "lm_head.weight": 1024 * 512 * 2},
		map[string]tensor{up + ".weight": {DType: "F8_E4M3", Shape: []uint64{1024, 512}}, "lm_head.weight": {DType: "BF16", Shape: []uint64{1024, 512}}})})
	low := measuredModel(t, onDisk{"model.safetensors": projection("F8_E4M3", 1)})
	for _, list := range [][]engine.Model{{half, low}, {low, half}} {
		if o := wantM3(t, stating(t, nil, *declaring(t, "bf16", list...)), "violated", "engine.precision.lower"); *o.Value != 500 || *o.Margin != -450 {
			t.Errorf("%+v", o)
		}
	}
}

func TestM3SaysThatAModelIsNotMeasured(t *testing.T) {
	e := declaring(t, "bf16", measuredModel(t, onDisk{"model.safetensors": projection("BF16", 2)}))
	e.Models[0].Complete, e.Models[0].Digest, e.Models[0].Census = false, nil, nil
	for _, r := range []*References{nil, refs(t, attest.Reference{Models: []attest.ReferenceModel{{Name: "llama", Digest: digest(1)}}})} {
		if o := wantM3(t, stating(t, r, *e), "not evaluable", "engine.precision.not_evaluable"); !strings.Contains(o.Reason, "not all measured") {
			t.Error(o.Reason)
		}
	}
}

func TestM3IsSaidForEachEngineAndMissingWithoutAny(t *testing.T) {
	high, low := measuredModel(t, onDisk{"model.safetensors": projection("BF16", 2)}), measuredModel(t, onDisk{"model.safetensors": projection("F8_E4M3", 1)})
	a, b := declaring(t, "bf16", high), declaring(t, "bf16", low)
	b.Name = "other"
	if r := stating(t, nil, *a, *b); len(outcomesM3(r)) != 2 || outcomesM3(r)[0].Outcome != "pass" || outcomesM3(r)[1].Outcome != "violated" || outcomesM3(r)[1].Subject != "engine other" {
		t.Errorf("%+v", r.Rules)
	}
	r, err := newForge(t).judge(TierCommunity)
	if err != nil || len(outcomesM3(r)) != 1 || outcomesM3(r)[0].Outcome != "missing" {
		t.Errorf("%+v, %v", r.Rules, err)
	}
}

// outcomesM3 are those of rule M3.
func outcomesM3(r *Result) (out []RuleOutcome) {
	for _, o := range r.Rules {
		if o.ID == "M3" {
			out = append(out, o)
		}
	}
	return out
}
