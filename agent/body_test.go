package agent

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// slowBody has come in part; the rest comes when rest is closed.
type slowBody struct {
	*bytes.Reader
	rest chan struct{}
}

func (s slowBody) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err == io.EOF {
		<-s.rest
	}
	return n, err
}

func TestSlowLargeBodiesAreBoundedAndHinderSmallOnesNot(t *testing.T) {
	n := startNode(t, nodeOptions{})
	f := n.frontend(t, quiet(t))
	f.bodies = make(bodies, 2)
	rest := make(chan struct{})
	ended := make(chan struct{}, 2)
	for range 2 {
		r := request(t, nil)
		r.Body = io.NopCloser(slowBody{bytes.NewReader(make([]byte, 2*smallBody)), rest})
		go func() { f.serveChallenge(nil, r); ended <- struct{}{} }()
	}
	for len(f.bodies) < 2 {
		time.Sleep(time.Millisecond)
	}
	if _, err := f.admit(request(t, seal(t, n.validator, attest.TypeChallenge, n.challenge(nil))), challengeSort); err != nil {
		t.Error("a challenge of ordinary size:", err)
	}
	start := time.Now()
	if _, err := f.admit(request(t, make([]byte, 2*smallBody)), challengeSort); asRefusal(err).Name != attest.ProblemBusy {
		t.Error("a third large body:", err)
	}
	if d := time.Since(start); d > 2*largeBodyWait {
		t.Errorf("it waited %v", d)
	}
	close(rest)
	<-ended
	<-ended
	if len(f.bodies) != 0 {
		t.Error("a place was not given back")
	}
}

func TestLargeBodiesAreReadWholeUpToTheLimit(t *testing.T) {
	p := make(bodies, 1)
	for _, size := range []int{0, 1, smallBody - 1, smallBody, smallBody + 1, attest.MaxRequestSize} {
		want := bytes.Repeat([]byte{7}, size)
		if got, err := p.read(request(t, want), nil); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: read %d, %v", size, len(got), err)
		}
	}
	if _, err := p.read(request(t, make([]byte, attest.MaxRequestSize+1)), nil); asRefusal(err).Name != attest.ProblemTooLarge {
		t.Error(err)
	}
}

func TestLargeBodiesOfOverdrawnAddressesAreNotRead(t *testing.T) {
	n := startNode(t, nodeOptions{})
	f := n.frontend(t, quiet(t))
	now := time.Now()
	f.now = func() time.Time { return now }
	r := request(t, nil)
	for {
		if _, wait := f.addresses.take(addressOf(r.RemoteAddr), now); wait > 0 {
			break
		}
	}
	large := bytes.NewReader(make([]byte, attest.MaxRequestSize))
	r.Body = io.NopCloser(large)
	if _, err := f.admit(r, challengeSort); asRefusal(err).Name != attest.ProblemRate || large.Len() < attest.MaxRequestSize-smallBody-1 {
		t.Errorf("%v, %d bytes left", err, large.Len())
	}
	if _, err := f.admit(request(t, []byte{0}), challengeSort); asRefusal(err).Name != attest.ProblemRate {
		t.Error(err)
	}
	if _, err := f.admit(request(t, seal(t, n.validator, attest.TypeChallenge, n.challenge(nil))), challengeSort); err != nil {
		t.Error("a listed validator behind the same address:", err)
	}
}
