package client

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// served starts a TLS server with a self-made certificate, as a node has, and returns it with a client of it.
func served(t testing.TB, change func(*tls.Config), h http.HandlerFunc) (*httptest.Server, *Client) {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	if change != nil {
		change(s.TLS)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	c, err := New(s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return s, c
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := sign.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestNewRefusesWhatIsNoNodeURL(t *testing.T) {
	for _, good := range []string{"https://node:8443", "https://node:8443/", "https://[::1]:8443"} {
		if _, err := New(good, nil); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"http://node:8443", "node:8443", "https://", "https://node/path", "https://node?q=1", "https://user@node", "https://no\x7fde", ""} {
		if _, err := New(bad, nil); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestRecordHoldsWhatTheConnectionShowed(t *testing.T) {
	var asked, exporter, spki []byte
	s, c := served(t, nil, func(w http.ResponseWriter, r *http.Request) {
		b := new(bytes.Buffer)
		_, _ = b.ReadFrom(r.Body)
		asked = b.Bytes()
		exporter, _ = r.TLS.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
		if r.Method != http.MethodPost || r.URL.Path != "/v1/challenge" || r.Header.Get("Content-Type") != attest.TypeChallenge {
			t.Errorf("%s %s of type %s", r.Method, r.URL, r.Header.Get("Content-Type"))
		}
		_, _ = w.Write([]byte("response"))
	})
	cert, err := x509.ParseCertificate(s.TLS.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	spki = cert.RawSubjectPublicKeyInfo
	clock := time.UnixMilli(1_800_000_000_000)
	c.now = func() time.Time { clock = clock.Add(time.Second); return clock }

	key, audience := newKey(t), attest.UEIDFromKey(attest.Digest{1})
	doc, sent, err := c.Ask(t.Context(), key, audience, Question{Kinds: []attest.Kind{attest.KindTPM, attest.KindGPU}, Window: &attest.WindowRequest{Seconds: 7}})
	if err != nil {
		t.Fatal(err)
	}
	r := record(t, key, doc)
	if !bytes.Equal(r.Challenge, asked) || !bytes.Equal(sent, asked) || string(r.Response) != "response" {
		t.Error("the record holds another exchange")
	}
	if r.TLSKey != sha256.Sum256(spki) || !bytes.Equal(r.Exporter[:], exporter) {
		t.Errorf("TLS key %s, exporter %s", r.TLSKey, r.Exporter)
	}
	ch := challenge(t, key, asked)
	if ch.Issued != 1_800_000_001_000 || ch.Expires-ch.Issued != uint64(Life.Milliseconds()) || r.Sent != 1_800_000_002_000 || r.Received != 1_800_000_003_000 {
		t.Errorf("issued %d, sent %d, received %d", ch.Issued, r.Sent, r.Received)
	}
	if ch.Window == nil || ch.Window.Seconds != 7 {
		t.Errorf("window %+v", ch.Window)
	}
	if ch.Audience != audience || len(ch.Kinds) != 2 || ch.Kinds[0] != attest.KindGPU {
		t.Errorf("audience %s, kinds %v", ch.Audience, ch.Kinds)
	}
	if _, again, err := c.Ask(t.Context(), key, audience, Question{Kinds: attest.Built()}); err != nil || challenge(t, key, again).Nonce == ch.Nonce {
		t.Errorf("nonce %s again, %v", ch.Nonce, err)
	}
}

func record(t *testing.T, key *ecdsa.PrivateKey, doc []byte) *attest.Record {
	t.Helper()
	r, err := attest.ParseRecord(opened(t, key, doc, attest.TypeRecord))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func challenge(t *testing.T, key *ecdsa.PrivateKey, doc []byte) *attest.Challenge {
	t.Helper()
	c, err := attest.ParseChallenge(opened(t, key, doc, attest.TypeChallenge))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func opened(t *testing.T, key *ecdsa.PrivateKey, doc []byte, typ string) []byte {
	t.Helper()
	msg, err := sign.Open(doc, typ, attest.MaxRecordSize)
	if err != nil {
		t.Fatal(err)
	}
	b, err := msg.Verify(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAskRefusesKindsThatNobodyKnows(t *testing.T) {
	_, c := served(t, nil, func(http.ResponseWriter, *http.Request) { t.Error("the node was asked") })
	if _, _, err := c.Ask(t.Context(), newKey(t), attest.UEIDFromKey(attest.Digest{1}), Question{Kinds: []attest.Kind{"gpx"}}); err == nil {
		t.Error("a challenge for an unknown kind")
	}
	if _, _, err := c.Ask(t.Context(), newKey(t), attest.UEID{}, Question{Kinds: attest.Built()}); err == nil {
		t.Error("a challenge to nobody")
	}
}

// Below TLS 1.3 the exporter does not bind the whole handshake (RFC 9266 section 4.2).
func TestOldTLSIsRefused(t *testing.T) {
	_, c := served(t, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) })
	if _, _, err := c.Challenge(t.Context(), nil); err == nil {
		t.Error("TLS 1.2 was accepted")
	}
}

// A redirect would let a node have another one answer, over a connection that nobody recorded.
func TestRedirectsAreRefused(t *testing.T) {
	other, _ := served(t, nil, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	_, c := served(t, nil, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	if _, _, err := c.Challenge(t.Context(), []byte("x")); err == nil || !strings.Contains(err.Error(), "redirect refused") {
		t.Error(err)
	}
}

func TestAnswersOverTheirLimitAreRefused(t *testing.T) {
	n := 0
	_, c := served(t, nil, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, n)) })
	for _, over := range []int{0, 1} {
		n = attest.MaxActivateSize + over
		if b, _, err := c.Activate(t.Context(), nil); (err == nil) != (over == 0) || over == 0 && len(b) != n {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestCutAnswersAreRefused(t *testing.T) {
	_, c := served(t, nil, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = w.Write([]byte("half"))
	})
	if _, _, err := c.Challenge(t.Context(), nil); err == nil {
		t.Error("half an answer was accepted")
	}
}

func TestIdentityIsReadOrRefused(t *testing.T) {
	body := `{"ueid":"01ff","tpm":true}`
	_, c := served(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/v1/identity" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		_, _ = w.Write([]byte(body))
	})
	id, seen, err := c.Identity(t.Context())
	if err != nil || id.UEID != "01ff" || !id.TPM || seen.TLSKey == (attest.Digest{}) {
		t.Errorf("%+v, %v", id, err)
	}
	for _, body = range []string{"no json", ""} {
		if _, _, err := c.Identity(t.Context()); err == nil {
			t.Errorf("%q was accepted", body)
		}
	}
}

func TestProblemsAreToldApartFromOtherRefusals(t *testing.T) {
	type answer struct {
		typ, body string
		status    int
	}
	var a answer
	_, c := served(t, nil, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", a.typ)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body))
	})
	refused := func(x answer) error {
		a = x
		_, _, err := c.Challenge(t.Context(), nil)
		if err == nil {
			t.Errorf("%+v was accepted", x)
		}
		return err
	}
	doc, err := json.Marshal(attest.Problem{Type: attest.ProblemBase + attest.ProblemBusy, Title: "bu\x1bsy", Detail: "la\nter", Status: 200})
	if err != nil {
		t.Fatal(err)
	}
	var p *ProblemError
	if err := refused(answer{attest.TypeProblem + "; charset=utf-8", string(doc), 503}); !errors.As(err, &p) || p.Problem.Status != 503 || p.RetryAfter != "7" {
		t.Errorf("%#v", err)
	} else if got := err.Error(); got != "node refused: bu sy (503): la ter; retry after 7 s" {
		t.Errorf("%q", got)
	}
	if id, _, err := c.Identity(t.Context()); !errors.As(err, &p) {
		t.Errorf("identity: %+v, %v", id, err)
	}
	if record, sent, err := c.Ask(t.Context(), newKey(t), attest.UEIDFromKey(attest.Digest{1}), Question{Kinds: attest.Built()}); !errors.As(err, &p) || record != nil {
		t.Errorf("a record of a refusal: %x, %x, %v", record, sent, err)
	}
	for _, x := range []answer{
		{"text/html", string(doc), 503},
		{attest.TypeProblem + "; =", string(doc), 503},
		{attest.TypeProblem, "no json", 503},
		{attest.TypeProblem, `{"detail":"without title"}`, 503},
		{attest.TypeProblem, `{"title":"x"}` + strings.Repeat(" ", attest.MaxProblemSize), 503},
		{"", "", 204},
	} {
		if err := refused(x); errors.As(err, &p) {
			t.Errorf("%.60v: taken for a problem document", x)
		}
	}
}

func TestConnectionWithoutTLSIsRefused(t *testing.T) {
	for _, s := range []*tls.ConnectionState{nil, {}} {
		if err := new(Seen).connection(s); err == nil {
			t.Errorf("%+v was accepted", s)
		}
	}
}

func TestCancelledRequestIsAnError(t *testing.T) {
	_, c := served(t, nil, func(http.ResponseWriter, *http.Request) {})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.Challenge(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
