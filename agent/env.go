package agent

import (
	"os"
	"slices"
	"strings"
)

// watchedEnv are variables that can change what a program loads or where gopsutil reads.
func watchedEnv(name string) bool {
	return name == "LD_PRELOAD" || name == "LD_LIBRARY_PATH" || name == "LD_AUDIT" || name == "GODEBUG" || strings.HasPrefix(name, "HOST_")
}

// nonDefault lists what differs from a plain start: settings and watched
// environment variables, by name only; values may hold secrets.
func nonDefault(c *Config) []string {
	names := c.NonDefault()
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); watchedEnv(name) && len(name) <= 64 {
			names = append(names, "env."+name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
