package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// engineLimit is how long an engine may take to map its weights and to listen.
const engineLimit = 10 * time.Second

// Engine is the engine of a host: one program after another at the same address, as a provider who swaps them runs it.
type Engine struct {
	Address string // host:port
	dir     string
	starts  int
	process *process
}

// NewEngine reserves an address; Run starts a program there. Logs go to dir.
func NewEngine(dir string) (*Engine, error) {
	a, err := freeAddress()
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	return &Engine{Address: a, dir: dir}, nil
}

// Endpoint is the engine's URL.
func (e *Engine) Endpoint() string { return "http://" + e.Address }

// Run ends the running program, if any, and starts binary with weights at the same address, and further arguments.
func (e *Engine) Run(ctx context.Context, binary, weights string, more ...string) error {
	if err := e.Stop(); err != nil {
		return err
	}
	e.starts++
	log := filepath.Join(e.dir, fmt.Sprintf("engine-%d.log", e.starts))
	p, err := startProcess(log, binary, append([]string{"engine", "--weights", weights, "--listen", e.Address}, more...)...)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	e.process = p
	ctx, cancel := context.WithTimeout(ctx, engineLimit)
	defer cancel()
	if err := e.up(ctx); err != nil {
		return errors.Join(fmt.Errorf("engine %s: %w\n%s", binary, err, tail(log)), e.Stop())
	}
	return nil
}

// Stop ends the program.
func (e *Engine) Stop() error {
	if e.process == nil {
		return nil
	}
	p := e.process
	e.process = nil
	return p.stop()
}

func (e *Engine) up(ctx context.Context) error {
	for {
		if c, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.Address); err == nil {
			return errors.Join(c.Close(), e.serves(ctx))
		}
		select {
		case <-e.process.done:
			return errors.New("it ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// serves asks the engine for its models, as a client would.
func (e *Engine) serves(ctx context.Context) error {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return askReady(ctx, c, e.Endpoint()+"/v1/models")
}

// CopyProgram copies an executable, with what is given behind its last byte: another file digest, the same behaviour
// (ELF loaders read what the headers name).
func CopyProgram(from, to string, behind []byte) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, bytes.Join([][]byte{b, behind}, nil), 0o755)
}
