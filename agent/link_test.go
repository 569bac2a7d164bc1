package agent

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// echoHalf answers each method with something that its parameters decide.
type echoHalf struct{ slow chan struct{} }

func (h echoHalf) Identity(ctx context.Context) (*NodeIdentity, error) {
	if h.slow != nil {
		select {
		case <-h.slow:
		case <-ctx.Done():
		}
	}
	return &NodeIdentity{Version: "echo"}, nil
}
func (echoHalf) Activate(_ context.Context, p *ActivateParams) ([]byte, error) {
	if p.Step == "internal" {
		return nil, errors.New("secret detail")
	}
	return nil, &Refusal{Name: attest.ProblemActivation, Detail: p.EK, Retry: 3 * time.Second}
}
func (echoHalf) Prepare(context.Context, *PrepareParams) (*Parts, error) { return &Parts{}, nil }
func (echoHalf) Log(_ context.Context, p *LogParams) (*attest.Part, error) {
	return &attest.Part{Offset: p.Offset, Bytes: []byte(p.Name), More: p.Most == 7}, nil
}
func (echoHalf) Telemetry(_ context.Context, p *TelemetryParams) (*TelemetryPart, error) {
	return &TelemetryPart{Chunks: [][]byte{{byte(p.Most)}}, Next: p.At}, nil
}
func (echoHalf) Evidence(_ context.Context, p *EvidenceParams) ([]byte, error) {
	return p.Root[:], nil
}

func TestLinkKeepsManyRequestsInFlightApart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	h := echoHalf{slow: make(chan struct{})}
	c, wg := Connect(ctx, h, quiet(t))
	defer func() { cancel(); c.Close(); wg.Wait() }()
	var slow sync.WaitGroup
	slow.Go(func() {
		if id, err := c.Identity(ctx); err != nil || id.Version != "echo" {
			t.Error(id, err)
		}
	})
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			root := attest.Digest{byte(i), byte(i >> 8)}
			if b, err := c.Evidence(ctx, &EvidenceParams{Root: root}); err != nil || !bytes.Equal(b, root[:]) {
				t.Error(i, b, err)
			}
		})
	}
	all.Wait()
	close(h.slow)
	slow.Wait()
}

func TestLinkCarriesRefusalsAndHidesOtherErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, wg := Connect(ctx, echoHalf{}, quiet(t))
	defer func() { cancel(); c.Close(); wg.Wait() }()
	_, err := c.Activate(ctx, &ActivateParams{EK: "detail"})
	if r := asRefusal(err); r.Name != attest.ProblemActivation || r.Detail != "detail" || r.Retry != 3*time.Second {
		t.Errorf("%+v", r)
	}
	if _, err := c.Activate(ctx, &ActivateParams{Step: "internal"}); asRefusal(err).Name != attest.ProblemInternal || bytes.Contains([]byte(err.Error()), []byte("secret")) {
		t.Error(err)
	}
	if err := c.call(ctx, "made-up", struct{}{}, nil); asRefusal(err).Name != attest.ProblemInternal {
		t.Error(err)
	}
}

func TestLinkDialsAgainAfterTheCollectorRestarted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	serve := func() (stop func()) {
		l, err := ListenLink(path)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { (&LinkServer{Half: echoHalf{}, Log: quiet(t)}).Serve(ctx, l) })
		return func() { cancel(); wg.Wait() }
	}
	c := DialLink(path)
	defer c.Close()
	if _, err := c.Identity(t.Context()); asRefusal(err).Name != attest.ProblemUnavailable {
		t.Fatal(err)
	}
	stop := serve()
	if _, err := c.Identity(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	for deadline := time.Now().Add(5 * time.Second); c.conn.alive() && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
	stop = serve()
	defer stop()
	if _, err := c.Identity(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestCollectorSocketIsForOwnerAndGroupAndNotTakenFromTheLiving(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := ListenLink(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o660 {
		t.Error(st.Mode(), err)
	}
	if _, err := ListenLink(path); err == nil {
		t.Error("a living collector's socket was taken")
	}
	plain := filepath.Join(t.TempDir(), "file")
	os.WriteFile(plain, []byte("x"), 0o600)
	if _, err := ListenLink(plain); err == nil {
		t.Error("a plain file was replaced")
	}
}

func TestMalformedFrameEndsTheConnection(t *testing.T) {
	for name, frame := range map[string][]byte{
		"zero length": {0, 0, 0, 0},
		"over limit":  binary.BigEndian.AppendUint32(nil, maxRequestFrame+1),
		"not CBOR":    {0, 0, 0, 1, 0xff},
		"no request":  {0, 0, 0, 1, 0xa0},
	} {
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() {
			(&LinkServer{Half: echoHalf{}, Log: quiet(t)}).ServeConn(t.Context(), theirs)
			close(done)
		}()
		go ours.Write(frame)
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Errorf("%s: still served", name)
		}
		ours.Close()
	}
}

func FuzzLinkFrame(f *testing.F) {
	for _, v := range []any{&linkRequest{1, methodIdentity, []byte{0xa0}}, &linkReply{ID: 1, Result: []byte{0xa0}},
		&linkReply{ID: 2, Error: &linkError{Code: attest.ProblemBusy}}} {
		var b bytes.Buffer
		if err := writeFrame(&b, v, maxReplyFrame); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte{0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		content, err := readFrame(bytes.NewReader(b), maxRequestFrame)
		if err != nil {
			if errors.Is(err, io.EOF) && len(b) > 0 && !errors.Is(err, io.ErrUnexpectedEOF) && len(b) >= 4 {
				t.Fatal("a cut frame passed for a clean end")
			}
			return
		}
		for _, again := range []func() (any, error){
			func() (any, error) { return parseLinkRequest(content) },
			func() (any, error) { return parseLinkReply(content) },
		} {
			v, err := again()
			if err != nil {
				continue
			}
			var out bytes.Buffer
			if err := writeFrame(&out, v, maxReplyFrame); err != nil || !bytes.HasPrefix(b, out.Bytes()) {
				t.Fatalf("%x does not encode to itself: %v", content, err)
			}
		}
	})
}
