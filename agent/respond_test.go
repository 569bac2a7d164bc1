package agent

import (
	"bytes"
	"io"
	"net"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

func TestResponseIsWrittenAsItsOneEncoding(t *testing.T) {
	for _, n := range []int{0, 1, 23, 24, 255, 256, 33_000, 70_000} {
		for _, path := range [][]attest.Digest{nil, {}, {{1}, {2}}} {
			r := &attest.Response{Evidence: bytes.Repeat([]byte{7}, n), Answer: []byte{0xa0}, Size: 4096, Index: 4095, Path: path,
				Logs: map[string]attest.Part{attest.LogIMA: {Offset: 9, Bytes: []byte("log"), More: true}}}
			want, err := attest.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			head, tail, err := encodeResponse(r)
			if err != nil || !bytes.Equal(slices.Concat(head, r.Evidence, tail), want) {
				t.Errorf("%d bytes of evidence, path %v: another encoding: %v", n, path, err)
			}
			w := httptest.NewRecorder()
			if err := respond(w, httptest.NewRequestWithContext(t.Context(), "POST", "/v1/challenge", nil), r); err != nil || !bytes.Equal(w.Body.Bytes(), want) {
				t.Errorf("%d bytes of evidence: written as something else: %v", n, err)
			}
		}
	}
}

// writes counts the writes of a connection.
type writes struct {
	net.Conn
	sizes []int
}

func (w *writes) Write(b []byte) (int, error) { w.sizes = append(w.sizes, len(b)); return len(b), nil }
func (w *writes) Close() error                { return nil }
func (w *writes) RemoteAddr() net.Addr        { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (w *writes) Read(b []byte) (int, error)  { return 0, io.EOF }

func TestGatheredWritesGoOutInOnePieceAndInOrder(t *testing.T) {
	w := &writes{}
	c, _ := newConnections(2, 2).add(w)
	write := func(n int) {
		t.Helper()
		if got, err := c.Write(make([]byte, n)); got != n || err != nil {
			t.Fatal(got, err)
		}
	}
	write(1)
	c.gather()
	write(2)
	write(3)
	c.send()
	if c.out != nil {
		t.Error("a connection that waits keeps a buffer")
	}
	write(4)
	c.gather()
	c.send()
	c.gather()
	write(5)
	write(maxGathered)
	write(6)
	c.send()
	if want := []int{1, 5, 4, 5, maxGathered, 6}; !slices.Equal(w.sizes, want) {
		t.Errorf("writes of %v, want %v", w.sizes, want)
	}
	var none *connection
	none.gather()
	none.send()
}

func TestBoundIsReadBackOnlyAsFarAsItIsNew(t *testing.T) {
	n := startNode(t, nodeOptions{})
	raw, err := n.collector.Evidence(t.Context(), &EvidenceParams{Class: attest.ClassFast, Front: FrontInputs{Config: n.config.Digest}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := n.open(raw, attest.Digest{})
	if err != nil {
		t.Fatal(err)
	}
	p := passed{}
	raw, err = attest.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.check(b, raw); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.check(b, make([]byte, attest.MaxEvidenceSize+1)); err == nil {
		t.Error("its size was not looked at")
	}
	body := b.Submods[attest.KindTPM]
	b.Submods[attest.KindTPM] = append(slices.Clone(body), 0)
	if err := p.check(b, raw); err == nil {
		t.Error("claims that differ from those that passed were not read")
	}
	b.Submods[attest.KindTPM] = body
	b.UEID[0] = 7
	if err := p.check(b, raw); err == nil {
		t.Error("what is beside the claims was not read")
	}
}
