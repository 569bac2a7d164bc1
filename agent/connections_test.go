package agent

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// addressed is a connection from an address; it can do nothing.
type addressed struct {
	net.Conn
	from string
}

func (a addressed) RemoteAddr() net.Addr {
	t, _ := net.ResolveTCPAddr("tcp", a.from)
	return t
}

func TestFullServerTakesPlacesFromWhoHoldsMostForNothing(t *testing.T) {
	s := newConnections(6, 4)
	add := func(from string) *connection {
		t.Helper()
		c, _ := s.add(addressed{from: from})
		if c == nil {
			t.Fatal("refused", from)
		}
		return c
	}
	known := add("192.0.2.1:1")
	known.admitted(new(attest.Digest))
	known.answered()
	serving := add("192.0.2.2:1")
	serving.admitted(nil) // an unlisted key's request on an open agent
	alone := add("192.0.2.3:1")
	crowd := []*connection{add("192.0.2.4:1"), add("192.0.2.4:2"), add("192.0.2.4:3")}
	yields := func(from string, want *connection) {
		t.Helper()
		if _, got := s.add(addressed{from: from}); got != want {
			t.Errorf("%s: %+v yields, want %+v", from, got, want)
		}
	}
	yields("192.0.2.5:1", crowd[0]) // oldest of the address with most
	yields("192.0.2.6:1", crowd[1])
	yields("192.0.2.7:1", alone) // one each: the oldest
	for i := range 3 {           // the remaining strangers
		if _, y := s.add(addressed{from: fmt.Sprintf("192.0.2.8:%d", i)}); y == known || y == serving {
			t.Error("a stranger's connection outlived a useful one")
		}
	}
	for c := range s.open {
		if c != known && c != serving {
			c.admitted(new(attest.Digest))
		}
	}
	yields("192.0.2.9:1", known) // all others are being answered
	for c := range s.open {
		c.admitted(nil)
	}
	if c, y := s.add(addressed{from: "192.0.2.10:1"}); c != nil || y != nil {
		t.Error("a request under way lost its connection")
	}
}

func TestOneAddressHasAShareOfThePlacesAndIPv6CountsBySubnet(t *testing.T) {
	s := newConnections(100, 2)
	first, _ := s.add(addressed{from: "[2001:db8:1:2::1]:1"})
	s.add(addressed{from: "[2001:db8:1:2::2]:1"})
	if _, yields := s.add(addressed{from: "[2001:db8:1:2::3]:1"}); yields != first {
		t.Errorf("%+v yields", yields)
	}
	if _, yields := s.add(addressed{from: "[2001:db8:1:3::1]:1"}); yields != nil {
		t.Error("another subnet's connection had to yield for it")
	}
}

func TestPlacesAreGivenBackOnceAndCountsStayTrue(t *testing.T) {
	s := newConnections(10, 10)
	var all []*connection
	for i := range 6 {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		c, _ := s.add(ours)
		if i%2 == 0 {
			c.admitted(new(attest.Digest))
			c.admitted(new(attest.Digest))
		}
		all = append(all, c)
	}
	for _, c := range all {
		c.Close()
		c.Close()
		c.admitted(new(attest.Digest)) // its handler may not have noticed yet
	}
	if len(s.open) != 0 || len(s.address) != 0 {
		t.Errorf("left: %v %v", s.open, s.address)
	}
}

func TestIdleConnectionsOfOneAddressKeepNobodyOut(t *testing.T) {
	n := startNode(t, nodeOptions{})
	dialled := 0
	n.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialled++
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	n.ask(n.client)
	var held []net.Conn
	defer func() {
		for _, c := range held {
			c.Close()
		}
	}()
	for range maxPerAddress + 40 {
		c, err := tls.Dial("tcp", n.url[len("https://"):], &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(len(held), err)
		}
		held = append(held, c)
		fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := io.ReadAtLeast(c, make([]byte, 512), 1); err != nil {
			t.Fatal(len(held), err)
		}
	}
	held[0].SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.Copy(io.Discard, held[0]); err != nil {
		t.Error("the oldest stranger still has its connection:", err)
	}
	fresh := newClient()
	defer fresh.CloseIdleConnections()
	fresh.Timeout = 5 * time.Second
	n.ask(fresh)
	if n.ask(n.client); dialled != 1 {
		t.Error("a listed validator lost its connection to strangers")
	}
}

func TestStrangersIdleShortlyAndListedValidatorsLong(t *testing.T) {
	var got time.Time
	c, _ := newConnections(1, 1).add(deadlines{addressed{from: "192.0.2.1:1"}, &got})
	start := time.Now()
	if c.SetReadDeadline(start.Add(idleTimeout)); got.After(time.Now().Add(strangerIdle)) {
		t.Errorf("a stranger may idle until %v", got.Sub(start))
	}
	if c.SetReadDeadline(time.Time{}); !got.IsZero() {
		t.Error("a request that is being answered was given a deadline")
	}
	c.admitted(new(attest.Digest))
	if c.SetReadDeadline(start.Add(idleTimeout)); !got.Equal(start.Add(idleTimeout)) {
		t.Errorf("a listed validator may idle for %v", got.Sub(start))
	}
}

type deadlines struct {
	addressed
	got *time.Time
}

func (d deadlines) SetReadDeadline(t time.Time) error { *d.got = t; return nil }

func TestServerSpeaksHTTP1Alone(t *testing.T) {
	n := startNode(t, nodeOptions{})
	doc := seal(t, n.validator, attest.TypeChallenge, n.challenge(nil))
	r, _ := n.post("/v1/challenge", attest.TypeChallenge, doc)
	if r.ProtoMajor != 1 || r.TLS.NegotiatedProtocol == "h2" {
		t.Error(r.Proto, r.TLS.NegotiatedProtocol)
	}
	if r.StatusCode != 200 {
		t.Error(r.Status)
	}
}
