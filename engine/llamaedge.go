package engine

import "strings"

// LlamaEdge, as a Gaia node runs it: llama-api-server.wasm in WasmEdge.
var llamaEdge = recogniser{
	name: "llamaedge",
	match: func(c command) bool {
		if c.is("llama-api-server", "gaianet", "gaia-nexus") {
			return true
		}
		for _, a := range c.args {
			if c.is("wasmedge") && strings.HasSuffix(a, "llama-api-server.wasm") {
				return true
			}
		}
		return false
	},
	flags: []option{val("--model-name", "-m"), val("--model-alias", "-a"), val("--ctx-size", "-c"), val("--n-gpu-layers", "-g"), val("--prompt-template", "-p"),
		val("--batch-size", "-b"), val("--nn-preload")},
}
