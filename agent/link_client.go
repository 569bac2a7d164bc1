package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// LinkClient is a Half behind a connection. It dials when it is first needed
// and again after the connection broke; requests in flight then fail with "unavailable".
type LinkClient struct {
	dial func(context.Context) (net.Conn, error)

	mu   sync.Mutex
	conn *linkConn
	wg   sync.WaitGroup
}

// linkConn is one connection's state; it is left behind when the connection breaks.
type linkConn struct {
	net.Conn
	write   sync.Mutex
	mu      sync.Mutex
	id      uint64
	waiting map[uint64]waiter // nil once the connection broke
}

// waiter is who waits for a reply.
type waiter struct {
	reply   chan *linkReply // of capacity one
	quoting func()
}

// NewLinkClient makes a client that dials with dial.
func NewLinkClient(dial func(context.Context) (net.Conn, error)) *LinkClient {
	return &LinkClient{dial: dial}
}

// DialLink makes a client of the collector behind a unix socket.
func DialLink(path string) *LinkClient {
	return NewLinkClient(func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", path)
	})
}

// Close ends the connection and waits for its reader.
func (c *LinkClient) Close() {
	c.mu.Lock()
	if c.conn != nil {
		c.conn.Close()
	}
	c.mu.Unlock()
	c.wg.Wait()
}

// Identity implements Half.
func (c *LinkClient) Identity(ctx context.Context) (*NodeIdentity, error) {
	var id NodeIdentity
	return &id, c.call(ctx, methodIdentity, struct{}{}, &id)
}

// Activate implements Half.
func (c *LinkClient) Activate(ctx context.Context, p *ActivateParams) ([]byte, error) {
	var b []byte
	err := c.call(ctx, methodActivate, p, &b)
	return b, err
}

// Prepare implements Half.
func (c *LinkClient) Prepare(ctx context.Context, p *PrepareParams) (*Parts, error) {
	var parts Parts
	return &parts, c.call(ctx, methodPrepare, p, &parts)
}

// Log implements Half.
func (c *LinkClient) Log(ctx context.Context, p *LogParams) (*attest.Part, error) {
	var part attest.Part
	return &part, c.call(ctx, methodLog, p, &part)
}

// Telemetry implements Half.
func (c *LinkClient) Telemetry(ctx context.Context, p *TelemetryParams) (*TelemetryPart, error) {
	var part TelemetryPart
	return &part, c.call(ctx, methodTelemetry, p, &part)
}

// Evidence implements Half.
func (c *LinkClient) Evidence(ctx context.Context, p *EvidenceParams) ([]byte, error) {
	var b []byte
	err := c.call(ctx, methodEvidence, p, &b)
	return b, err
}

var errLinkBroken = errors.New("connection to the collector broke")

func (c *LinkClient) call(ctx context.Context, method string, params, result any) error {
	raw, err := attest.Marshal(params)
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return unavailable("collector", err)
	}
	id, reply, err := conn.begin(func() { quoting(ctx) })
	if err != nil {
		return unavailable("collector", err)
	}
	defer conn.forget(id)
	if err := conn.send(&linkRequest{ID: id, Method: method, Params: raw}); err != nil {
		conn.Close()
		return unavailable("collector", err)
	}
	select {
	case p, ok := <-reply:
		switch {
		case !ok:
			return unavailable("collector", errLinkBroken)
		case p.Error != nil:
			return &Refusal{Name: p.Error.Code, Detail: p.Error.Detail, Retry: time.Duration(min(p.Error.Retry, 3_600_000)) * time.Millisecond}
		}
		return p.into(method, result)
	case <-ctx.Done():
		if err := conn.send(&linkRequest{ID: id, Method: methodCancel, Params: emptyMap}); err != nil {
			conn.Close()
		}
		return fmt.Errorf("link: %s: %w", method, ctx.Err())
	}
}

// into reads the result.
func (p *linkReply) into(method string, result any) error {
	if p.bytes == nil {
		if err := attest.Unmarshal(p.Result, result, maxReplyFrame); err != nil {
			return fmt.Errorf("link: %s: result: %w", method, err)
		}
		return nil
	}
	b, ok := result.(*[]byte)
	if !ok {
		return fmt.Errorf("link: %s: result: a byte string, want a map", method)
	}
	*b = p.bytes
	return nil
}

func (c *LinkClient) connect(ctx context.Context) (*linkConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil && c.conn.alive() {
		return c.conn, nil
	}
	raw, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	conn := &linkConn{Conn: raw, waiting: map[uint64]waiter{}}
	c.conn = conn
	c.wg.Go(conn.read)
	return conn, nil
}

func (c *linkConn) alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting != nil
}

func (c *linkConn) begin(quoting func()) (uint64, chan *linkReply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		return 0, nil, errLinkBroken
	}
	c.id++
	reply := make(chan *linkReply, 1)
	c.waiting[c.id] = waiter{reply, quoting}
	return c.id, reply, nil
}

func (c *linkConn) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

func (c *linkConn) send(q *linkRequest) error {
	c.write.Lock()
	defer c.write.Unlock()
	if err := c.SetWriteDeadline(time.Now().Add(linkWriteTimeout)); err != nil {
		return fmt.Errorf("link: %w", err)
	}
	return writeFrame(c, q, maxRequestFrame)
}

// read hands each reply to its asker until the connection breaks, then fails all who wait.
func (c *linkConn) read() {
	defer c.Close()
	r := bufio.NewReader(c) // a pipe hands over each write in as many steps as it is read in
	for {
		b, err := readFrame(r, maxReplyFrame)
		if err != nil {
			break
		}
		p, err := parseLinkReply(b)
		if err != nil {
			break
		}
		c.deliver(p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.waiting {
		close(w.reply)
	}
	c.waiting = nil
}

// deliver hands a reply to who waits for it, if he still does.
func (c *linkConn) deliver(p *linkReply) {
	c.mu.Lock()
	w, waits := c.waiting[p.ID]
	if waits && !p.Quoting {
		delete(c.waiting, p.ID)
	}
	c.mu.Unlock()
	switch {
	case waits && p.Quoting:
		w.quoting()
	case waits:
		w.reply <- p
	}
}
