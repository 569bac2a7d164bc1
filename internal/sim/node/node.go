package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// readyLimit is how long the agent may take to open its TPM and to read everything once.
const readyLimit = 30 * time.Second

// Node is a running hallmark-agent.
type Node struct {
	URL     string
	process *process
}

// Start writes agent.yaml, starts hallmark-agent and waits until it is ready. Stop ends it.
func Start(ctx context.Context, o Options) (*Node, error) {
	listen, err := freeAddress()
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	config := filepath.Join(o.Dir, "agent.yaml")
	if err := os.WriteFile(config, []byte(o.yaml(listen)), 0o600); err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	p, err := startProcess(filepath.Join(o.Dir, "agent.log"), o.Tools.Agent, "serve", "--config", config)
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	n := &Node{URL: "https://" + listen, process: p}
	if err := n.ready(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("node: hallmark-agent is not ready: %w\n%s", err, tail(p.log)), n.Stop())
	}
	return n, nil
}

// Stop ends the agent, which answers what is under way first. It says so where the agent ended with an error.
func (n *Node) Stop() error { return n.process.stop() }

// Log is the agent's log file.
func (n *Node) Log() string { return n.process.log }

func (n *Node) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	// Nothing is believed of this answer, so the self-made certificate does not matter.
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true}}}
	defer c.CloseIdleConnections()
	for {
		err := askReady(ctx, c, n.URL+"/readyz")
		if err == nil {
			return nil
		}
		select {
		case <-n.process.done:
			return errors.New("it ended")
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func askReady(ctx context.Context, c *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r, err := c.Do(req)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, r.Status)
	}
	return nil
}

// freeAddress finds a loopback port that nobody holds now. Somebody else may take it before the agent does; the agent
// then says so and the start fails.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
