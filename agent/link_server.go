package agent

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/hallmark-attest/hallmark/attest"
)

// LinkServer serves a collector to front ends.
type LinkServer struct {
	Half Half
	Log  *slog.Logger
}

// ListenLink opens a unix socket that owner and group may use. A socket left
// behind by a dead process is removed; one that somebody answers on is not.
func ListenLink(path string) (net.Listener, error) {
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, fmt.Errorf("collector socket %s: another collector answers there: stop it first", path)
	}
	if st, err := os.Lstat(path); err == nil {
		if st.Mode()&fs.ModeSocket == 0 {
			return nil, fmt.Errorf("collector socket %s: exists and is not a socket: set collector.socket to another path", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("collector socket: %w", err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("collector socket: %w: create its directory, writable for the collector's user", err)
	}
	// Between bind and chmod the mode is that of the umask, which takes rights away and adds none.
	if err := os.Chmod(path, 0o660); err != nil {
		l.Close()
		return nil, fmt.Errorf("collector socket: %w", err)
	}
	return l, nil
}

// Serve accepts front ends until ctx ends, then waits for its connections.
func (s *LinkServer) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, maxLinkConns)
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("collector socket: %w", err)
		}
		select {
		case slots <- struct{}{}:
			wg.Go(func() { defer func() { <-slots }(); s.ServeConn(ctx, conn) })
		default:
			s.Log.Warn("front end turned away", "limit", maxLinkConns)
			conn.Close()
		}
	}
}

func (s *LinkServer) call(ctx context.Context, q *linkRequest) (any, error) {
	switch q.Method {
	case methodIdentity:
		return decoded(q.Params, &struct{}{}, func(*struct{}) (any, error) { return s.Half.Identity(ctx) })
	case methodActivate:
		return decoded(q.Params, &ActivateParams{}, func(p *ActivateParams) (any, error) { return s.Half.Activate(ctx, p) })
	case methodPrepare:
		return decoded(q.Params, &PrepareParams{}, func(p *PrepareParams) (any, error) { return s.Half.Prepare(ctx, p) })
	case methodEvidence:
		return decoded(q.Params, &EvidenceParams{}, func(p *EvidenceParams) (any, error) { return s.Half.Evidence(ctx, p) })
	case methodLog:
		return decoded(q.Params, &LogParams{}, func(p *LogParams) (any, error) { return s.Half.Log(ctx, p) })
	case methodTelemetry:
		return decoded(q.Params, &TelemetryParams{}, func(p *TelemetryParams) (any, error) { return s.Half.Telemetry(ctx, p) })
	}
	return nil, fmt.Errorf("link: unknown method %.40q", q.Method)
}

// decoded calls f with the decoded parameters.
func decoded[P any](raw cbor.RawMessage, p *P, f func(*P) (any, error)) (any, error) {
	if err := attest.Unmarshal(raw, p, maxRequestFrame); err != nil {
		return nil, fmt.Errorf("link: parameters: %w", err)
	}
	return f(p)
}
