package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// client is one validator on one kept connection. It reads responses and judges nothing: the machine is to be busy with
// the agent, which in service shares its processors with no validator.
type client struct {
	key    *ecdsa.PrivateKey
	conn   *tls.Conn
	r      *bufio.Reader
	body   []byte
	export attest.Digest
}

func dial(address string, key *ecdsa.PrivateKey) (*client, error) {
	// Nothing is judged here but that every answer is to its own challenge, so the self-made certificate does not matter.
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
	if err != nil {
		return nil, err
	}
	state := conn.ConnectionState()
	b, err := state.ExportKeyingMaterial(attest.ExporterLabel, nil, attest.ExporterSize)
	if err != nil {
		return nil, err
	}
	return &client{key: key, conn: conn, r: bufio.NewReaderSize(conn, 32<<10), export: attest.Digest(b)}, nil
}

// signed is a challenge ready to be sent: the request as it goes over the wire, and the document inside it.
type signed struct{ request, doc []byte }

// challenges signs n of them beforehand. They ask for no logs.
func (s *side) challenges(key *ecdsa.PrivateKey, n int) ([]signed, error) {
	out := make([]signed, n)
	for i := range out {
		now := uint64(time.Now().UnixMilli())
		c := attest.Challenge{Profiles: []string{attest.Profile}, Issued: now, Expires: now + life, Audience: s.ueid,
			Kinds: []attest.Kind{attest.KindEngine, attest.KindGPU, attest.KindHost, attest.KindTPM}}
		rand.Read(c.Nonce[:])
		p, err := attest.Marshal(c)
		if err != nil {
			return nil, err
		}
		doc, err := sign.Seal(key, attest.TypeChallenge, p)
		if err != nil {
			return nil, err
		}
		head := fmt.Sprintf("POST /v1/challenge HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", s.address, attest.TypeChallenge, len(doc))
		out[i] = signed{append([]byte(head), doc...), doc}
	}
	return out, nil
}

// ask sends one challenge and reads its response, which is the client's until it asks again.
func (c *client) ask(s signed) ([]byte, error) {
	if _, err := c.conn.Write(s.request); err != nil {
		return nil, err
	}
	r, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return nil, err
	}
	b := bytes.NewBuffer(c.body[:0])
	if _, err := b.ReadFrom(io.LimitReader(r.Body, attest.MaxResponseSize)); err != nil {
		return nil, err
	}
	c.body = b.Bytes()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", r.Status, c.body)
	}
	return c.body, nil
}
