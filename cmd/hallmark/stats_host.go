package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/hallmark-attest/hallmark/stats/compute"
)

// embedURL is the endpoint's address below base, which must not be on a node's host.
func embedURL(ctx context.Context, base string, nodes map[string]compute.NodeInfo) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("--embed-url %q: want http://host:port/v1 or https://…", base)
	}
	if !strings.HasSuffix(u.Path, "/embeddings") {
		u = u.JoinPath("embeddings")
	}
	named := false
	mine := addresses(ctx, u.Hostname())
	for id, n := range nodes {
		if n.Endpoint == "" {
			continue
		}
		named = true
		e, err := url.Parse(n.Endpoint)
		if err != nil || e.Hostname() == "" {
			return "", fmt.Errorf("endpoint %q of node %s: want a URL, to tell that it is not --embed-url", n.Endpoint, id)
		}
		for a := range addresses(ctx, e.Hostname()) {
			if mine[a] {
				return "", fmt.Errorf("--embed-url is on the host of node %s (%s): who embeds the answers chooses the distances; take an embedder of your own", id, a)
			}
		}
	}
	if !named {
		fmt.Fprintln(os.Stderr, "hallmark: the answers name no node's endpoint (nodes in their header): nobody checked that --embed-url is not a node's")
	}
	return u.String(), nil
}

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
