package engine

// SGLang: the launch_server module; schedulers rename themselves.
var sglang = recogniser{
	name: "sglang",
	match: func(c command) bool {
		return c.is("sglang") || c.module("sglang") || c.titled("sglang::")
	},
	flags: []option{val("--model-path", "--model"), val("--revision"), val("--served-model-name"), val("--dtype"), val("--quantization"),
		val("--tensor-parallel-size", "--tp-size", "--tp"), val("--data-parallel-size", "--dp-size", "--dp"), val("--context-length"), val("--kv-cache-dtype"),
		val("--speculative-algorithm"), val("--speculative-draft-model-path"), val("--load-format"), val("--torchao-config"), val("--lora-paths"), bare("--enable-lora"), val("--mem-fraction-static"),
		bare("--trust-remote-code"), bare("--disable-radix-cache")},
	env: []string{"SGLANG_USE_MODELSCOPE"},
}
