package node

import (
	"fmt"
	"strings"
)

// Options describe a node. All paths are absolute.
type Options struct {
	Dir       string // for configuration, state and logs; must exist
	Tools     Tools
	TPMSocket string // data socket of a software TPM
	Library   string // NVML, the simulated one; "" for a host without GPUs
	Keys      string // glob of validators' public keys
	PerMinute int    // requests a minute and validator
	Engine    *EngineConfig
	BootLog   string // what the TPM's registers stand for; "" for none
	IMALog    string
}

// EngineConfig declares the engine that the node serves.
type EngineConfig struct {
	Endpoint string // URL
	Model    string // directory of weights
	Declared string // the model's name, the owner's word
	// Public is where the validator asks questions, answered by this host alone and without a draft model; "" declares none of it.
	Public string
}

// yaml writes agent.yaml. Strings are quoted as Go does it, which YAML's double-quoted style reads alike.
func (o *Options) yaml(listen string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("listen: %s", listen)
	line("state_dir: %q", o.Dir)
	line(`metrics: ""`)
	line("tpm: { device: %q }", "unix:"+o.TPMSocket)
	line("gpu: { library: %q, probe: %q }", orNone(o.Library), o.Tools.Probe)
	line("validators: { keys: [%q], per_minute: %d }", o.Keys, o.PerMinute)
	line("logs: { boot: %q, ima: %q, entries: all }", orNone(o.BootLog), orNone(o.IMALog))
	if e := o.Engine; e != nil {
		line("engines:\n  - name: main\n    endpoint: %s\n    models: [%q]", e.Endpoint, e.Model)
		if e.Public == "" {
			line("    declared: { model: %q, precision: bf16, tensor_parallel: 8 }", e.Declared)
		} else {
			line("    public: [%s]\n    declared: { model: %q, precision: bf16, speculation: 0, alone: true }", e.Public, e.Declared)
		}
	}
	return b.String()
}

func orNone(path string) string {
	if path == "" {
		return "none"
	}
	return path
}
