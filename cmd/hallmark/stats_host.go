package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
)

// addresses are a host's name and, where it resolves, its addresses: two names may be one host.
func addresses(ctx context.Context, host string) map[string]bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	out := map[string]bool{host: true}
	if ips, err := net.DefaultResolver.LookupHost(ctx, host); err == nil {
		for _, ip := range ips {
			if p := net.ParseIP(ip); p != nil && p.IsLoopback() {
				ip = "loopback"
			}
			out[ip] = true
		}
	}
	return out
}

// embedProgress tells on a terminal how far embedding is.
func embedProgress() func(done, total int) {
	st, err := os.Stderr.Stat()
	if err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return func(int, int) {}
	}
	return func(done, total int) {
		fmt.Fprintf(os.Stderr, "\rhallmark: embedded %d of %d answers", done, total)
		if done == total {
			fmt.Fprintln(os.Stderr)
		}
	}
}
