package agent

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// Limits of connections.
const (
	maxConnections = 1024
	// maxPerAddress is an eighth of all, so that eight addresses must work together to fill the node, and enough
	// for a whole subnet's validators behind one address (NAT): with batching each needs one connection.
	maxPerAddress = 128
	idleTimeout   = 2 * time.Minute // between two requests of a listed validator
	// strangerIdle is how long a connection may wait that has not brought a listed validator's request: nobody
	// needs longer to send a first one. It is not below readTimeout, which the same deadline carries.
	strangerIdle = readTimeout
)

// connections are the open ones of a server. When all places are taken, or all
// of one address, the least useful gives up its place: whoever only holds
// connections loses them to whoever comes to ask.
type connections struct {
	most, mostPerAddress int

	mu      sync.Mutex
	open    map[*connection]struct{}
	address map[netip.Prefix]held
	opened  uint64
	buffers sync.Pool // of *[]byte: what connections hold back
}

// held counts one address's connections, and those of them that are strangers'.
type held struct{ all, strangers int }

// connection is one accepted connection. All but the key belongs to connections.mu.
type connection struct {
	net.Conn
	set     *connections
	address netip.Prefix
	number  uint64                        // in the order of accepting, from one
	serving bool                          // an admitted request is being answered
	key     atomic.Pointer[attest.Digest] // of the listed validator who was admitted on it last; nil: a stranger's

	outMu     sync.Mutex
	gathering bool
	out       *[]byte // written while gathering
}

func newConnections(most, mostPerAddress int) *connections {
	return &connections{most: most, mostPerAddress: mostPerAddress, open: map[*connection]struct{}{}, address: map[netip.Prefix]held{}}
}

// add gives c a place, or nil where all are taken by requests that are being
// answered. yields, if any, has lost its place and is to be closed.
func (s *connections) add(c net.Conn) (n, yields *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	n = &connection{Conn: c, set: s, address: addressOf(c.RemoteAddr().String()), number: s.opened}
	full := true
	switch {
	case s.address[n.address].all >= s.mostPerAddress:
		yields = s.leastUseful(func(c *connection) bool { return c.address == n.address })
	case len(s.open) >= s.most:
		yields = s.leastUseful(func(*connection) bool { return true })
	default:
		full = false
	}
	if full {
		if yields == nil {
			return nil, nil
		}
		s.remove(yields)
	}
	s.open[n] = struct{}{}
	h := s.address[n.address]
	s.address[n.address] = held{h.all + 1, h.strangers + 1}
	return n, yields
}

// leastUseful is the oldest connection among strangers of the address that has
// most of them; where there are none, the oldest of a listed validator that waits.
func (s *connections) leastUseful(among func(*connection) bool) *connection {
	var worst *connection
	for c := range s.open {
		if !c.serving && among(c) && (worst == nil || s.lessUseful(c, worst)) {
			worst = c
		}
	}
	return worst
}

func (s *connections) lessUseful(a, b *connection) bool {
	if ka, kb := a.key.Load() != nil, b.key.Load() != nil; ka != kb {
		return kb
	} else if !ka {
		if x, y := s.address[a.address].strangers, s.address[b.address].strangers; x != y {
			return x > y
		}
	}
	return a.number < b.number
}

// remove takes c's place away, if it still has one.
func (s *connections) remove(c *connection) {
	if _, there := s.open[c]; !there {
		return
	}
	delete(s.open, c)
	h := s.address[c.address]
	h.all--
	if c.key.Load() == nil {
		h.strangers--
	}
	if s.address[c.address] = h; h.all == 0 {
		delete(s.address, c.address)
	}
}

// admitted tells that a request on c was admitted and is being answered; key is
// its key if that is listed. A nil c is none of ours.
func (c *connection) admitted(key *attest.Digest) {
	if c == nil {
		return
	}
	c.set.mu.Lock()
	defer c.set.mu.Unlock()
	c.serving = true
	if key == nil {
		return
	}
	stranger := c.key.Swap(key) == nil
	if _, there := c.set.open[c]; there && stranger {
		h := c.set.address[c.address]
		h.strangers--
		c.set.address[c.address] = h
	}
}

// of is c's number if this listed key was admitted on it last, and zero otherwise.
func (c *connection) of(key attest.Digest) uint64 {
	if c == nil {
		return 0
	}
	if k := c.key.Load(); k == nil || *k != key {
		return 0
	}
	return c.number
}

// answered tells that the request on c has ended.
func (c *connection) answered() {
	if c == nil {
		return
	}
	c.set.mu.Lock()
	defer c.set.mu.Unlock()
	c.serving = false
}

// SetReadDeadline shortens the server's idle time-out for strangers. No deadline stays none:
// the server sets that while it answers, only to notice that the asker leaves.
func (c *connection) SetReadDeadline(t time.Time) error {
	if most := time.Now().Add(strangerIdle); c.key.Load() == nil && t.After(most) {
		t = most
	}
	return c.Conn.SetReadDeadline(t)
}

// maxGathered is what gather holds back at most; more goes out as it is written.
const maxGathered = 256 << 10

// gather holds back what is written until send, so that a response goes out in
// one piece: TLS writes a record at a time, and each would wake up the asker.
func (c *connection) gather() {
	if c == nil {
		return
	}
	c.outMu.Lock()
	defer c.outMu.Unlock()
	c.gathering = true
}

// send writes what was held back. An error is for the server to see at its next write.
func (c *connection) send() {
	if c == nil {
		return
	}
	c.outMu.Lock()
	defer c.outMu.Unlock()
	c.gathering = false
	if c.out != nil {
		_, _ = c.Conn.Write(*c.out)
		c.release()
	}
}

// release gives the buffer back; whoever waits for its next request holds none.
func (c *connection) release() {
	*c.out = (*c.out)[:0]
	c.set.buffers.Put(c.out)
	c.out = nil
}

// Write implements net.Conn.
func (c *connection) Write(b []byte) (int, error) {
	c.outMu.Lock()
	defer c.outMu.Unlock()
	if c.gathering && c.out == nil {
		c.out, _ = c.set.buffers.Get().(*[]byte)
		if c.out == nil {
			c.out = new([]byte)
		}
	}
	if c.gathering && len(*c.out)+len(b) <= maxGathered {
		*c.out = append(*c.out, b...)
		return len(b), nil
	}
	if c.out != nil {
		_, err := c.Conn.Write(*c.out)
		c.release()
		if err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(b)
}

// Close gives the place back.
func (c *connection) Close() error {
	c.set.mu.Lock()
	c.set.remove(c)
	c.set.mu.Unlock()
	return c.Conn.Close()
}
