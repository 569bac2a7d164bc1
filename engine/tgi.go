package engine

// Text Generation Inference: the router listens, shards of the launcher hold the weights.
var tgi = recogniser{
	name: "tgi",
	match: func(c command) bool {
		return c.is("text-generation-launcher", "text-generation-router", "text-generation-server")
	},
	flags: []option{val("--model-id"), val("--revision"), val("--dtype"), val("--quantize"), val("--num-shard"), val("--max-total-tokens"), val("--max-input-tokens"),
		val("--kv-cache-dtype"), val("--speculate"), val("--lora-adapters"), bare("--trust-remote-code")},
	env: []string{"MODEL_ID", "REVISION", "DTYPE", "QUANTIZE", "NUM_SHARD", "LORA_ADAPTERS"},
}
