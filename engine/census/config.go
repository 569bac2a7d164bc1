package census

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

// object is a JSON object; its getters answer nothing where a value has another type.
type object map[string]any

func (o object) text(keys ...string) string {
	for _, k := range keys {
		if s, ok := o[k].(string); ok && s != "" {
			return short(s)
		}
	}
	return ""
}

// count reads a whole number, or a list of one and the same number for each layer.
func (o object) count(keys ...string) *uint64 {
	for _, k := range keys {
		v := o[k]
		if list, ok := v.([]any); ok && len(list) > 0 {
			for _, other := range list {
				if other != list[0] {
					return nil
				}
			}
			v = list[0]
		}
		if s, ok := v.(number); ok {
			if n, err := strconv.ParseUint(string(s), 10, 62); err == nil {
				return &n
			}
		}
	}
	return nil
}

func (o object) sub(keys ...string) object {
	for _, k := range keys {
		if m, ok := o[k].(map[string]any); ok {
			return m
		}
	}
	return nil
}

func short(s string) string {
	if s = attest.Clean(s); len(s) > 64 {
		s = strings.ToValidUTF8(s[:64], "")
	}
	return s
}

// modelConfig reads config.json. Models that see or hear keep the language model in a part of its own.
func modelConfig(doc object) *Config {
	k := new(Config)
	if list, ok := doc["architectures"].([]any); ok && len(list) > 0 {
		if s, ok := list[0].(string); ok {
			k.Architecture = short(s)
		}
	}
	inner := doc.sub("text_config", "llm_config", "language_config")
	for _, o := range []object{doc, inner, doc.sub("ffn_config"), inner.sub("ffn_config")} {
		if k.DType == "" {
			k.DType = o.text("torch_dtype", "dtype")
		}
		if k.Experts == nil {
			k.Experts = o.count("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts")
		}
		if k.ExpertsPerToken == nil {
			k.ExpertsPerToken = o.count("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_top_k", "moe_topk", "moe_k", "top_k_experts")
		}
		if k.Method == "" {
			k.quantised(o.sub("quantization_config", "compression_config"))
		}
	}
	return k
}

// quantised reads a quantization_config.
func (k *Config) quantised(q object) {
	if q == nil {
		return
	}
	k.Method = q.text("quant_method")
	k.Format = q.text("format", "quant_algo", "version", "checkpoint_format", "bnb_4bit_quant_type", "fmt")
	k.Bits, k.GroupSize = q.count("bits", "w_bit"), q.count("group_size", "q_group_size")
	if q["load_in_4bit"] == true || q["_load_in_4bit"] == true {
		k.Bits = new(uint64)
		*k.Bits = 4
	} else if q["load_in_8bit"] == true || q["_load_in_8bit"] == true {
		k.Bits = new(uint64)
		*k.Bits = 8
	}
	k.readGroups(q.sub("config_groups"))
	if k.Method == "" && k.Bits != nil {
		k.Method = "unnamed"
	}
}

// readGroups reads compressed-tensors' config_groups. Bits and group size are
// stated where all groups have the same.
func (k *Config) readGroups(groups object) {
	names := slices.Sorted(maps.Keys(groups))
	for i, name := range names[:min(len(names), maxGroups)] {
		w := groups.sub(name).sub("weights")
		b, g := w.count("num_bits"), w.count("group_size")
		if i == 0 {
			k.Bits, k.GroupSize = b, g
		}
		if !equal(k.Bits, b) {
			k.Bits = nil
		}
		if !equal(k.GroupSize, g) {
			k.GroupSize = nil
		}
		if b == nil || *b > 16 || g != nil && *g > 1<<20 {
			continue
		}
		x := group{bits: *b}
		if g != nil {
			x.size = *g
		}
		k.groups = append(k.groups, x)
	}
}

const maxGroups = 64

func equal(a, b *uint64) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// companions are older files of quantisers beside config.json, with the method
// they belong to where they do not name one.
var companions = map[string]string{"quantize_config.json": "gptq", "quant_config.json": "awq", "hf_quant_config.json": "modelopt"}

// companion reads one of them: it fills what config.json leaves out, and
// conflicts with what it says otherwise.
func (k *Config) companion(name string, doc object) (out []Conflict) {
	other := new(Config)
	if q := doc.sub("quantization"); q != nil {
		doc = q
	}
	other.quantised(doc)
	if other.Method == "" || other.Method == "unnamed" {
		other.Method = companions[name]
	}
	if k.Method == "" {
		k.Method, k.Format, k.Bits, k.GroupSize, k.groups = other.Method, other.Format, other.Bits, other.GroupSize, other.groups
		return nil
	}
	if k.Method != other.Method {
		out = append(out, Conflict{Key: name + ": quant_method", Config: k.Method, Found: other.Method})
	}
	if k.Bits != nil && other.Bits != nil && *k.Bits != *other.Bits {
		out = append(out, Conflict{Key: name + ": bits", Config: fmt.Sprint(*k.Bits), Found: fmt.Sprint(*other.Bits)})
	}
	return out
}

// ggufConfig is the same from a GGUF's metadata.
func ggufConfig(meta map[string]any) *Config {
	k := new(Config)
	arch, _ := meta["general.architecture"].(string)
	k.Architecture = short(arch)
	if n, ok := meta["general.file_type"].(uint64); ok {
		k.FileType = fileTypes[n]
	}
	if n, ok := meta[arch+".expert_count"].(uint64); ok && n < 1<<62 {
		k.Experts = &n
	}
	if n, ok := meta[arch+".expert_used_count"].(uint64); ok && n < 1<<62 {
		k.ExpertsPerToken = &n
	}
	return k
}
