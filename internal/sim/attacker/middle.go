package attacker

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// relayed is a man in the middle: the validator's connection ends at him, under a TLS key of his own, and he forwards
// every byte to the honest node and back. The evidence is fresh, genuine and for this very challenge.
func relayed(ctx context.Context, s *Scene) (Verdict, error) {
	return s.inTheMiddle(ctx, func(forward http.Handler) http.Handler { return forward })
}

// replayedAnswer keeps a response that was accepted once and gives it to everyone who asks.
func replayedAnswer(ctx context.Context, s *Scene) (Verdict, error) {
	old, err := takeApart(s.Node.Record)
	if err != nil {
		return Verdict{}, err
	}
	return s.inTheMiddle(ctx, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", attest.TypeResponse)
			_, _ = w.Write(old.record.Response)
		})
	})
}

// inTheMiddle serves in front of the honest node and lets the validator ask there. change makes the handler of challenges.
func (s *Scene) inTheMiddle(ctx context.Context, change func(forward http.Handler) http.Handler) (v Verdict, err error) {
	node, err := url.Parse(s.Node.URL)
	if err != nil {
		return Verdict{}, err
	}
	forward := httputil.NewSingleHostReverseProxy(node)
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	forward.Transport = transport
	forward.ErrorLog = log.New(io.Discard, "", 0)
	mux := http.NewServeMux()
	mux.Handle("/", forward)
	mux.Handle("POST /v1/challenge", change(forward))
	conf, err := ownTLS()
	if err != nil {
		return Verdict{}, err
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	if err != nil {
		return Verdict{}, err
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	defer func() {
		srv.Close()
		if ended := <-done; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
	}()
	return s.Validator.challengeAndJudge(ctx, "https://"+l.Addr().String(), s.Node.File)
}

// ownTLS makes a server key and certificate. Nobody could tell it from the node's by the certificate: both are self-made.
func ownTLS() (*tls.Config, error) {
	key, err := sign.GenerateKey()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "hallmark-agent"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0), DNSNames: []string{"hallmark-agent"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, nil
}
