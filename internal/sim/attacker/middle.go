package attacker

import (
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

// middle is a server between validator and node.
type middle struct {
	conf       *tls.Config
	key        attest.Digest // of its TLS key
	challenges http.Handler  // answers challenges; nil forwards them too
}

// between serves in front of a node while ask runs with the server's URL. Everything else is forwarded.
func (m *middle) between(nodeURL string, ask func(url string) (Verdict, error)) (v Verdict, err error) {
	node, err := url.Parse(nodeURL)
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
	if m.challenges != nil {
		mux.Handle("POST /v1/challenge", m.challenges)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", m.conf)
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
	return ask("https://" + l.Addr().String())
}

// newMiddle makes a server key and certificate. Nobody could tell it from a node's by the certificate: both are self-made.
func newMiddle() (*middle, error) {
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
	digest, err := attest.KeyDigest(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	return &middle{key: digest, conf: &tls.Config{MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}}, nil
}
