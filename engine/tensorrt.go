package engine

import "slices"

// TensorRT-LLM: trtllm-serve, or Triton with the backend.
var tensorRT = recogniser{
	name: "tensorrt-llm",
	match: func(c command) bool {
		return c.is("trtllm-serve", "tritonserver", "trtllmExecutorWorker") || c.module("tensorrt_llm")
	},
	flags: []option{val("--model-repository"), val("--backend"), val("--tokenizer"), val("--tp_size"), val("--pp_size"), val("--ep_size"), val("--max_seq_len"),
		val("--max_batch_size"), val("--kv_cache_free_gpu_memory_fraction"), val("--extra_llm_api_options"), bare("--trust_remote_code")},
	env: []string{"TRTLLM_ENABLE_PDL"},
	positional: func(args []string) (string, bool) {
		i := slices.IndexFunc(args, func(s string) bool { return s == "serve" })
		return after(args, i)
	},
}
