package agent

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/merkle"
	"github.com/hallmark-attest/hallmark/sign"
)

// exchange posts one sealed challenge and checks the response as a verifier
// does: path, root, channel, TLS key, envelope, binding, quote.
func (n *node) exchange(client *http.Client, doc []byte) (*attest.Response, *attest.Bound, error) {
	r, err := client.Post(n.url+"/v1/challenge", attest.TypeChallenge, bytes.NewReader(doc))
	if err != nil {
		return nil, nil, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, nil, err
	}
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != attest.TypeResponse {
		return nil, nil, fmt.Errorf("status %d: %s", r.StatusCode, b)
	}
	resp, err := attest.ParseResponse(b)
	if err != nil {
		return nil, nil, err
	}
	answer, err := attest.ParseAnswer(resp.Answer)
	if err != nil {
		return nil, nil, err
	}
	exporter, err := r.TLS.ExportKeyingMaterial(attest.ExporterLabel, nil, attest.ExporterSize)
	if err != nil {
		return nil, nil, err
	}
	if answer.Channel == nil || !bytes.Equal(answer.Channel[:], exporter) {
		return nil, nil, errors.New("channel is not this connection's exporter")
	}
	tree, err := merkle.Root(attest.Leaf(doc, resp.Answer), resp.Index, resp.Size, resp.Path)
	if err != nil {
		return nil, nil, err
	}
	bound, err := n.open(resp.Evidence, attest.BatchRoot(resp.Size, tree))
	if err != nil {
		return nil, nil, err
	}
	if want := sha256.Sum256(r.TLS.PeerCertificates[0].RawSubjectPublicKeyInfo); bound.TLSKey != want {
		return nil, nil, errors.New("TLS key differs")
	}
	return resp, bound, nil
}

// open checks an envelope against the root its batch must have.
func (n *node) open(envelope []byte, root attest.Digest) (*attest.Bound, error) {
	msg, err := sign.Open(envelope, attest.TypeEvidence, attest.MaxEvidenceSize)
	if err != nil {
		return nil, err
	}
	ev, err := attest.ParseEvidence(msg.Unverified())
	if err != nil {
		return nil, err
	}
	bound, err := attest.ParseBound(ev.Bound)
	if err != nil {
		return nil, err
	}
	key, err := bound.Confirmation.PublicKey()
	if err != nil {
		return nil, err
	}
	if _, err := msg.Verify(key); err != nil {
		return nil, err
	}
	if bound.Root != root || bound.UEID != n.ueid {
		return nil, errors.New("root or ueid differs")
	}
	keyID, _ := attest.KeyDigest(key)
	roots, err := attest.ParseRoots(ev.Roots)
	if err != nil {
		return nil, err
	}
	inside := map[attest.Kind]attest.Digest{}
	if raw, ok := roots[attest.KindTDX]; ok {
		var td []byte
		if err := attest.Unmarshal(raw, &td, attest.MaxEvidenceSize); err != nil {
			return nil, err
		}
		inside[attest.KindTDX] = sha256.Sum256(td)
		delete(roots, attest.KindTDX)
	}
	if n.config.TPM.Device == None {
		if len(roots) != 0 {
			return nil, errors.New("a root without TPM")
		}
		return bound, nil
	}
	var q fakeQuote
	if err := attest.Unmarshal(roots[attest.KindTPM], &q, 1024); err != nil {
		return nil, err
	}
	inner, _ := attest.Inner(inside)
	want := attest.TPMQualifying(attest.Binding(root, keyID, ev.Bound), inner)
	if q.Qualifying != want || !ecdsa.VerifyASN1(&n.tpm.key.PublicKey, want[:], q.Signature) {
		return nil, errors.New("quote is not over this binding")
	}
	return bound, nil
}

// payload is the evidence inside a response, unchecked.
func (n *node) payload(t *testing.T, r *attest.Response) *attest.Evidence {
	t.Helper()
	msg, err := sign.Open(r.Evidence, attest.TypeEvidence, attest.MaxEvidenceSize)
	if err != nil {
		t.Fatal(err)
	}
	ev, err := attest.ParseEvidence(msg.Unverified())
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func (n *node) boundOf(t *testing.T, r *attest.Response) []byte { return n.payload(t, r).Bound }

func (n *node) rootsOf(t *testing.T, r *attest.Response) map[attest.Kind][]byte {
	roots, err := attest.ParseRoots(n.payload(t, r).Roots)
	if err != nil {
		t.Fatal(err)
	}
	out := map[attest.Kind][]byte{}
	for k, raw := range roots {
		out[k] = raw
	}
	return out
}

func TestConcurrentChallengesAreAllAnsweredWithTheirOwnPath(t *testing.T) {
	n := startNode(t, nodeOptions{})
	n.tpm.took = 2 * time.Millisecond
	const clients, each = 8, 125
	var mu sync.Mutex
	seen := map[[40]byte]bool{}
	largest := uint32(0)
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			client := newClient()
			defer client.CloseIdleConnections()
			for range each {
				resp, bound, err := n.exchange(client, seal(t, n.validator, attest.TypeChallenge, n.challenge(nil)))
				if err != nil {
					t.Error(err)
					return
				}
				leaf := [40]byte(append(append([]byte{}, bound.Root[:]...), fmt.Appendf(nil, "%08d", resp.Index)...))
				mu.Lock()
				if seen[leaf] {
					t.Error("two challenges share a leaf")
				}
				seen[leaf], largest = true, max(largest, resp.Size)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != clients*each {
		t.Errorf("%d answered, want %d", len(seen), clients*each)
	}
	if n.tpm.overlap.Load() {
		t.Error("two TPM operations at once")
	}
	if q := n.tpm.quotes.Load(); q >= clients*each || largest < 2 {
		t.Errorf("%d quotes, largest batch %d: nothing was batched", q, largest)
	}
}

func TestBatchingOffQuotesEachChallengeAlone(t *testing.T) {
	n := startNode(t, nodeOptions{batch: BatchOptions{Cap: 1}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if resp, _, err := n.exchange(newClient(), seal(t, n.validator, attest.TypeChallenge, n.challenge(nil))); err != nil || resp.Size != 1 {
				t.Error(resp, err)
			}
		})
	}
	wg.Wait()
	if q := n.tpm.quotes.Load(); q != 8 {
		t.Errorf("%d quotes, want 8", q)
	}
}

func TestHalvesInTwoProcessesAnswerAlike(t *testing.T) {
	n := startNode(t, nodeOptions{twoHalves: true})
	n.ask(n.client)
	n.ask(n.client)
}

func TestNodeWithoutTPMKeepsItsKeyAndStatesTheAbsence(t *testing.T) {
	dir := t.TempDir()
	n := startNode(t, nodeOptions{noTPM: true, dir: dir})
	_, bound := n.ask(n.client)
	for _, a := range bound.Absent {
		if a.What == "tpm" && a.Reason != attest.NotConfigured {
			t.Errorf("tpm: %s", a.Reason)
		}
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	again := startNode(t, nodeOptions{noTPM: true, dir: dir})
	if again.ueid != n.ueid {
		t.Error("the node's name changed with a restart")
	}
}

func TestEvidenceKeyIsFreshPerStart(t *testing.T) {
	tpm, dir := newFakeTPM(t), t.TempDir()
	a := startNode(t, nodeOptions{tpm: tpm, dir: dir})
	_, first := a.ask(a.client)
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	b := startNode(t, nodeOptions{tpm: tpm, dir: dir})
	_, second := b.ask(b.client)
	if first.Confirmation == second.Confirmation || first.TLSKey == second.TLSKey {
		t.Error("a key survived the restart")
	}
	if first.UEID != second.UEID {
		t.Error("the name did not survive the restart")
	}
}

func TestServerKeyIsP256AndTLSBelow13IsRefused(t *testing.T) {
	n := startNode(t, nodeOptions{})
	r, err := n.client.Get(n.url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if k := r.TLS.PeerCertificates[0].PublicKeyAlgorithm; k != x509.ECDSA {
		t.Error(k)
	}
	old := newClient()
	c := old.Transport.(*http.Transport).TLSClientConfig
	c.MinVersion, c.MaxVersion = 0x0303, 0x0303
	if r, err := old.Get(n.url + "/healthz"); err == nil {
		r.Body.Close()
		t.Error("TLS 1.2 was accepted")
	}
}
