package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/roomy"
)

// servedConn is the collector's side of one connection.
type servedConn struct {
	*LinkServer
	conn  net.Conn
	read  *bufio.Reader // of conn
	write sync.Mutex
	wg    sync.WaitGroup

	slots, activations chan struct{}

	mu      sync.Mutex
	running map[uint64]context.CancelFunc // by the request's id
}

// ServeConn serves one connection until it closes or ctx ends. A malformed
// frame ends the connection: both sides are ours, so it is a defect or an intruder.
func (s *LinkServer) ServeConn(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	c := &servedConn{LinkServer: s, conn: conn, read: bufio.NewReader(conn), slots: make(chan struct{}, maxInFlight), activations: make(chan struct{}, maxActivations),
		running: map[uint64]context.CancelFunc{}}
	defer func() { cancel(); stop(); conn.Close(); c.wg.Wait() }()
	for {
		err := c.next(ctx, cancel)
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) && ctx.Err() == nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
			s.Log.Warn("front end's connection ended", "err", err)
		}
		return
	}
}

// next reads one request and begins to serve it.
func (c *servedConn) next(ctx context.Context, fail func()) error {
	b, err := readFrame(c.read, maxRequestFrame)
	if err != nil {
		return err
	}
	q, err := parseLinkRequest(b)
	if err != nil {
		return err
	}
	if q.Method == methodCancel {
		c.giveUp(q.ID)
		return nil
	}
	slots := c.slots
	if q.Method == methodActivate {
		slots = c.activations
		if len(slots) == cap(slots) { // this is the only goroutine that fills it
			c.wg.Go(func() { c.reply(ctx, q, failure(q.ID, errManyActivations), fail) })
			return nil
		}
	}
	slots <- struct{}{}
	work, done, err := c.begin(ctx, q.ID)
	if err != nil {
		return err
	}
	c.wg.Go(func() {
		roomy.Stack()
		defer func() { <-slots }()
		p := c.answer(c.announcing(work, q, fail), q)
		done()
		c.reply(ctx, q, p, fail)
	})
	return nil
}

// announcing lets the front end know when evidence is being quoted. The quote does not wait for that to be written.
func (c *servedConn) announcing(ctx context.Context, q *linkRequest, fail func()) context.Context {
	if q.Method != methodEvidence {
		return ctx
	}
	told := make(chan struct{}, 1)
	c.wg.Go(func() {
		select {
		case <-told:
			c.reply(ctx, q, &linkReply{ID: q.ID, Quoting: true}, fail)
		case <-ctx.Done():
		}
	})
	return withQuoting(ctx, func() { // by the TPM's goroutine, which may outlive the request and the connection
		select {
		case told <- struct{}{}:
		default:
		}
	})
}

var errManyActivations = &Refusal{Name: attest.ProblemBusy, Detail: "other validators are enrolling this node", Retry: 10 * time.Second}

// begin makes the context of one request, which a cancel ends.
func (c *servedConn) begin(ctx context.Context, id uint64) (work context.Context, done func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running[id] != nil {
		return nil, nil, fmt.Errorf("link: request %d is under way already", id)
	}
	work, cancel := context.WithCancel(ctx)
	c.running[id] = cancel
	return work, func() {
		cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.running, id)
	}, nil
}

// giveUp ends a request's context; one that has been answered meanwhile is no error.
func (c *servedConn) giveUp(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel := c.running[id]; cancel != nil {
		cancel()
	}
}

func (c *servedConn) reply(ctx context.Context, q *linkRequest, p *linkReply, fail func()) {
	c.write.Lock()
	defer c.write.Unlock()
	err := c.conn.SetWriteDeadline(time.Now().Add(linkWriteTimeout)) // a front end that stopped reading must not keep its slots
	if err == nil {
		err = writeReply(c.conn, p)
	}
	if err != nil && ctx.Err() == nil {
		c.Log.Warn("reply to front end not written", "method", q.Method, "err", err)
		fail()
	}
}

func (s *LinkServer) answer(ctx context.Context, q *linkRequest) *linkReply {
	result, err := s.call(ctx, q)
	if b, ok := result.([]byte); ok && err == nil && b != nil {
		return &linkReply{ID: q.ID, bytes: b}
	}
	if err == nil {
		var b []byte
		if b, err = attest.Marshal(result); err == nil {
			return &linkReply{ID: q.ID, Result: b}
		}
	}
	if r := asRefusal(err); r.Name == attest.ProblemInternal && ctx.Err() == nil {
		s.Log.Error("collector request failed", "method", q.Method, "err", err)
	}
	return failure(q.ID, err)
}

func failure(id uint64, err error) *linkReply {
	r := asRefusal(err)
	return &linkReply{ID: id, Error: &linkError{Code: r.Name, Detail: attest.Clean(r.Detail), Retry: uint64(r.Retry.Milliseconds())}}
}
