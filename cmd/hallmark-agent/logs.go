package main

import (
	"os"
	"path"
	"strings"

	"github.com/hallmark-attest/hallmark/agent"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
)

// newLogs opens nothing: the kernel's logs are read when a validator asks for them.
// keep says what of the measurement list is shown; nil: all of it.
func newLogs(c *agent.Config, engines *agent.EngineWatch) (logs map[string]agent.LogReader, keep func(ima.Entry) bool) {
	logs = map[string]agent.LogReader{}
	boot, list := c.LogPaths()
	if boot != agent.None {
		logs[attest.LogBoot] = agent.FileLog(boot)
	}
	if list != agent.None {
		logs[attest.LogIMA] = agent.FileLog(list)
	}
	if c.Logs.Entries == agent.EntriesAll {
		return logs, nil
	}
	self, _ := os.Executable() // unknown: then its entry is hidden too
	return logs, related(c, self, engines)
}

// related chooses the entries of the measurement list that this agent's claims are about. All others stay private.
func related(c *agent.Config, self string, engines *agent.EngineWatch) func(ima.Entry) bool {
	return func(e ima.Entry) bool {
		switch p := e.Path; {
		case p == "":
			return false
		case p == self, p == c.GPU.Probe, p == "/etc/ima/ima-policy", engines.Runs(p):
			return true
		case strings.HasPrefix(path.Base(p), "nvidia"), strings.HasPrefix(path.Base(p), libraryName(c.GPU.Library)):
			return true
		default:
			return underModel(c, p)
		}
	}
}

func underModel(c *agent.Config, p string) bool {
	for _, e := range c.Engines {
		for _, m := range e.Models {
			if p == m || strings.HasPrefix(p, strings.TrimSuffix(m, "/")+"/") {
				return true
			}
		}
	}
	return false
}
