package engine

// llama.cpp: llama-server with one GGUF file.
var llamaCpp = recogniser{
	name:  "llama.cpp",
	match: func(c command) bool { return c.is("llama-server", "llama.cpp", "llamafile") },
	flags: []option{val("--model", "-m"), val("--model-draft", "-md"), val("--n-gpu-layers", "-ngl", "--gpu-layers"), val("--ctx-size", "-c"),
		val("--cache-type-k", "-ctk"), val("--cache-type-v", "-ctv"), val("--lora"), val("--hf-repo", "-hf", "-hfr"), val("--hf-file", "-hff"),
		val("--alias", "-a"), val("--parallel", "-np"), val("--split-mode", "-sm"), val("--tensor-split", "-ts"), bare("--metrics")},
	env: []string{"LLAMA_ARG_MODEL", "LLAMA_ARG_N_GPU_LAYERS", "LLAMA_ARG_CTX_SIZE"},
}
