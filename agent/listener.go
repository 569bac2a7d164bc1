package agent

import (
	"context"
	"net"
)

// guardedListener accepts connections for which there is a place.
type guardedListener struct {
	net.Listener
	set *connections
}

func guard(l net.Listener, set *connections) net.Listener { return guardedListener{l, set} }

// Accept implements net.Listener. It never waits for a place: behind a full
// backlog of the kernel everybody would wait, listed validators too.
func (l guardedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		n, yields := l.set.add(c)
		if yields != nil {
			yields.Conn.Close() // its server notices
		}
		if n != nil {
			return n, nil
		}
		c.Close()
	}
}

type connectionKey struct{}

// withConnection is an http.Server's ConnContext: c is TLS over one of ours.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	if n, ok := c.(*connection); ok {
		return context.WithValue(ctx, connectionKey{}, n)
	}
	return ctx
}

// connectionOf returns the connection that a request came on, nil where it is none of ours.
func connectionOf(ctx context.Context) *connection {
	c, _ := ctx.Value(connectionKey{}).(*connection)
	return c
}
