package engine

// Ollama: "ollama serve", with a runner child per model that opens a blob.
var ollama = recogniser{
	name:  "ollama",
	match: func(c command) bool { return c.is("ollama", "ollama_llama_server") },
	flags: []option{val("--model"), val("--ctx-size"), val("--n-gpu-layers"), val("--parallel")},
	env:   []string{"OLLAMA_MODELS", "OLLAMA_NUM_PARALLEL", "OLLAMA_KV_CACHE_TYPE", "OLLAMA_CONTEXT_LENGTH", "OLLAMA_FLASH_ATTENTION"},
}
