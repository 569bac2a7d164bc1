package engine

import "slices"

// vLLM: "vllm serve MODEL" or the api_server module; workers rename themselves.
var vllm = recogniser{
	name: "vllm",
	match: func(c command) bool {
		return c.is("vllm") || c.module("vllm") || c.titled("VLLM::")
	},
	flags: []option{val("--model"), val("--revision"), val("--served-model-name"), val("--dtype"), val("--quantization", "-q"),
		val("--tensor-parallel-size", "-tp"), val("--pipeline-parallel-size", "-pp"), val("--data-parallel-size", "-dp"), val("--max-model-len"),
		val("--kv-cache-dtype"), val("--speculative-config"), val("--load-format"), val("--hf-overrides"), val("--tokenizer"), val("--config"), val("--lora-modules"),
		bare("--enable-lora"), bare("--trust-remote-code"), bare("--enforce-eager"), bare("--enable-prefix-caching")},
	env: []string{"VLLM_ATTENTION_BACKEND", "VLLM_USE_V1", "VLLM_WORKER_MULTIPROC_METHOD"},
	positional: func(args []string) (string, bool) {
		i := slices.Index(args, "serve")
		return after(args, i)
	},
}
