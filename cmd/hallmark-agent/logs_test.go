package main

import (
	"testing"

	"github.com/hallmark-attest/hallmark/agent"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
)

func TestOnlyRelatedEntriesAreShown(t *testing.T) {
	c := agent.DefaultConfig()
	c.Engines = []agent.EngineConfig{{Models: []string{"/srv/models/llama/", "/srv/one.gguf"}}}
	keep := related(&c, "/usr/bin/hallmark-agent", agent.NewEngineWatch())
	for path, want := range map[string]bool{
		"/usr/bin/hallmark-agent":                                true,
		"/usr/lib/hallmark/hallmark-gpuprobe":                    true,
		"/etc/ima/ima-policy":                                    true,
		"/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.550.54.15":    true,
		"/usr/lib/modules/6.1.0-30-amd64/updates/dkms/nvidia.ko": true,
		"/srv/models/llama/model-00001-of-00002.safetensors":     true,
		"/srv/one.gguf": true,
		"/srv/models/llama-of-another-customer/model.safetensors": false,
		"/home/alice/secret.py":                                   false,
		"/usr/bin/bash":                                           false,
		"":                                                        false,
	} {
		if got := keep(ima.Entry{Path: path}); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestEntriesAreHiddenUnlessTheOperatorSendsAll(t *testing.T) {
	c := agent.DefaultConfig()
	for entries, hides := range map[string]bool{agent.EntriesRelated: true, agent.EntriesAll: false, "": true} {
		c.Logs.Entries = entries
		logs, keep := newLogs(&c, agent.NewEngineWatch())
		if logs[attest.LogIMA] == nil || (keep != nil) != hides {
			t.Errorf("%q: hides %v", entries, keep != nil)
		}
	}
}
