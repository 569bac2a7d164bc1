package main

import (
	"github.com/hallmark-attest/hallmark/agent"
	"github.com/hallmark-attest/hallmark/attest"
)

// newLogs opens nothing: the kernel's logs are read when a validator asks for them.
func newLogs(c *agent.Config) map[string]agent.LogReader {
	logs := map[string]agent.LogReader{}
	boot, ima := c.LogPaths()
	if boot != agent.None {
		logs[attest.LogBoot] = agent.FileLog(boot)
	}
	if ima != agent.None {
		logs[attest.LogIMA] = agent.FileLog(ima)
	}
	return logs
}
