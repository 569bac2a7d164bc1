package agent

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// flood posts a body again and again and counts the status codes.
func (n *node) flood(count int, body []byte) map[int]int {
	codes := map[int]int{}
	for range count {
		r, _ := n.post("/v1/challenge", attest.TypeChallenge, body)
		codes[r.StatusCode]++
	}
	return codes
}

func TestStrangersAndRecordedRequestsStarveNoListedValidatorBehindTheSameAddress(t *testing.T) {
	for what, make := range map[string]func(*node) []byte{
		"noise": func(*node) []byte { return []byte{0} },
		"for another node": func(n *node) []byte {
			return seal(t, n.validator, attest.TypeChallenge, n.challenge(func(c *attest.Challenge) { c.Audience = attest.UEIDFromKey(attest.Digest{9}) }))
		},
		"expired": func(n *node) []byte {
			return seal(t, n.validator, attest.TypeChallenge, n.challenge(func(c *attest.Challenge) { c.Issued -= 60_000; c.Expires = c.Issued + 1000 }))
		},
		"answered before": func(n *node) []byte {
			doc := seal(t, n.validator, attest.TypeChallenge, n.challenge(nil))
			if _, _, err := n.exchange(n.client, doc); err != nil {
				t.Fatal(err)
			}
			return doc
		},
	} {
		clock := newFakeClock()
		n := startNode(t, nodeOptions{perMinute: 60, now: clock.now})
		codes := n.flood(300, make(n))
		if looked := 300 - codes[http.StatusTooManyRequests]; looked != 50 { // the address's burst
			t.Errorf("%s: %d were looked at: %v", what, looked, codes)
		}
		for range 9 { // what is left of the key's own burst of ten in the last case
			n.ask(newClient())
		}
	}
}

func TestForgeriesInAValidatorsNamePayBeforeTheSignatureIsChecked(t *testing.T) {
	clock := newFakeClock()
	n := startNode(t, nodeOptions{now: clock.now})
	known := newClient()
	defer known.CloseIdleConnections()
	n.ask(known)
	forged := seal(t, n.validator, attest.TypeChallenge, n.challenge(nil))
	forged[len(forged)-1] ^= 1
	codes := n.flood(maxPerAddress+20, forged)
	if codes[http.StatusForbidden] != maxPerAddress || codes[http.StatusTooManyRequests] != 20 {
		t.Error(codes)
	}
	n.ask(known) // it has paid by being admitted before
}

func TestATPMThatIsMissingCostsListedValidatorsNothing(t *testing.T) {
	clock := newFakeClock()
	n := startNode(t, nodeOptions{now: clock.now, openTPM: func(context.Context) (TPM, error) { return nil, context.DeadlineExceeded }})
	doc := seal(t, n.validator, attest.TypeChallenge, n.challenge(nil))
	if codes := n.flood(maxPerAddress+50, doc); codes[http.StatusServiceUnavailable] != maxPerAddress+50 {
		t.Error(codes)
	}
}

func TestTokensComeBackWholeAlsoFromManyAtOnce(t *testing.T) {
	r := newRates[int](5, 50, 1)
	now := time.Unix(1e9, 0)
	for i := range 1000 {
		var backs []func()
		for j := range 50 { // each a little later, none given back before all were taken
			at := now.Add(time.Duration(i*50+j) * time.Microsecond)
			back, wait := r.take(0, at)
			if wait > 0 {
				t.Fatalf("round %d: token %d is lost", i, j)
			}
			backs = append(backs, back)
		}
		for _, b := range backs {
			b()
		}
	}
}

func TestOverdrawnAskersAreToldHowLongToWaitAndRunUpNoDebt(t *testing.T) {
	r := newRates[int](0.5, 1, 1)
	now := time.Unix(1e9, 0)
	r.take(0, now)
	for range 100 {
		if _, wait := r.take(0, now.Add(time.Second)); wait < 900*time.Millisecond || wait > 1100*time.Millisecond {
			t.Fatal("wait", wait)
		}
	}
	if _, wait := r.take(0, now.Add(2*time.Second)); wait > 0 {
		t.Error("refusals ran up a debt of", wait)
	}
}

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func TestRefusalsOfStrangersAreDetailsAndThoseOfListedKeysAreNot(t *testing.T) {
	n := startNode(t, nodeOptions{})
	var out syncBuffer
	f := n.frontend(t, slog.New(slog.NewTextHandler(&out, nil)))
	listen := func(body []byte) string {
		out.b.Reset()
		r := request(t, body)
		if err := f.serveChallenge(nil, r); err == nil {
			t.Fatal("admitted")
		}
		return out.b.String()
	}
	stranger, _ := sign.GenerateKey()
	forged := seal(t, n.validator, attest.TypeChallenge, n.challenge(nil))
	forged[len(forged)-1] ^= 1
	for what, body := range map[string][]byte{"noise": {0}, "unlisted": seal(t, stranger, attest.TypeChallenge, n.challenge(nil)), "forged": forged} {
		if line := listen(body); line != "" {
			t.Errorf("%s: %s", what, line)
		}
	}
	line := listen(seal(t, n.validator, attest.TypeChallenge, n.challenge(func(c *attest.Challenge) { c.Audience[4] ^= 1 })))
	if !strings.Contains(line, "level=INFO") || !strings.Contains(line, attest.ProblemAudience) {
		t.Errorf("a listed key's refusal: %q", line)
	}
}

// frontend makes another front end of the node's collector.
func (n *node) frontend(t *testing.T, log *slog.Logger) *Frontend {
	f, err := NewFrontend(FrontendOptions{Config: n.config, Half: n.collector, Keys: n.keys, Used: openUsed(t, t.TempDir(), 0), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func request(t *testing.T, body []byte) *http.Request {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://node/v1/challenge", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.RemoteAddr = "192.0.2.1:1"
	r.Header.Set("Content-Type", attest.TypeChallenge)
	return r
}

func TestEnrolmentHasARateOfItsOwnByKey(t *testing.T) {
	clock := newFakeClock()
	dir := t.TempDir()
	other := writeKey(t, filepath.Join(dir, "other.pub"))
	n := startNode(t, nodeOptions{now: clock.now, dir: dir})
	ask := func(want int) {
		t.Helper()
		r, b := n.post("/v1/activate", attest.TypeActivate, seal(t, n.validator, attest.TypeActivate, n.activate(attest.StepParameters)))
		if r.StatusCode != want {
			t.Fatal(r.Status, string(b))
		}
		if want == http.StatusTooManyRequests && r.Header.Get("Retry-After") != "10" {
			t.Error("Retry-After:", r.Header.Get("Retry-After"))
		}
	}
	for range activationBurst {
		ask(200)
	}
	ask(http.StatusTooManyRequests)
	n.ask(n.client) // challenges have another rate
	if r, b := n.post("/v1/activate", attest.TypeActivate, seal(t, other, attest.TypeActivate, n.activate(attest.StepParameters))); r.StatusCode != 200 {
		t.Error("another key:", r.Status, string(b))
	}
	clock.advance(10 * time.Second)
	ask(200)
}
