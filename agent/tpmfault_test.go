package agent

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/merkle"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
	"github.com/hallmark-attest/hallmark/internal/sim/tpmfault"
	"github.com/hallmark-attest/hallmark/sign"
)

// faultyNode is a whole agent over a software TPM whose transport fails by script.
type faultyNode struct {
	*node
	swtpm  *swtpm.TPM
	faults *tpmfault.Transport
	gone   atomic.Bool // the device file is missing
	opened atomic.Int64
	ak     *tpm.AK
}

type closable struct{ transport.TPM }

func (closable) Close() error { return nil }

func startFaultyNode(t *testing.T) *faultyNode {
	t.Helper()
	if err := swtpm.Available(); err != nil {
		t.Skip("SKIPPED, no fault was tried on a TPM:", err)
	}
	f := &faultyNode{}
	var err error
	if f.swtpm, err = swtpm.Start(t.TempDir(), swtpm.Options{WithoutCertificates: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.swtpm.Stop() })
	c, err := linuxudstpm.Open(f.swtpm.Socket()) // connects for each command
	if err != nil {
		t.Fatal(err)
	}
	f.faults = tpmfault.New(c)
	f.node = startNode(t, nodeOptions{openTPM: f.open})
	f.meet()
	return f
}

func (f *faultyNode) open(ctx context.Context) (TPM, error) {
	if f.gone.Load() {
		return nil, &os.PathError{Op: "open", Path: "/dev/tpmrm0", Err: os.ErrNotExist}
	}
	d, err := NewTPM(ctx, closable{f.faults}, "unix:"+f.swtpm.Socket(), time.Now, tpm.Options{})
	if err == nil {
		f.opened.Add(1)
	}
	return d, err
}

// meet learns who the node is.
func (f *faultyNode) meet() {
	f.t.Helper()
	held, err := f.collector.keeper.get()
	if err != nil {
		f.t.Fatal(err)
	}
	f.ak = held.TPM.(*tpmDevice).AK()
	f.ueid = attest.UEIDFromAK(f.ak.Name())
}

// try asks once. It gives the problem document, or checks the evidence down to the TPM's signature.
func (f *faultyNode) try(edit func(*attest.Challenge)) *attest.Problem {
	f.t.Helper()
	doc := seal(f.t, f.validator, attest.TypeChallenge, f.challenge(edit))
	r, b := f.post("/v1/challenge", attest.TypeChallenge, doc)
	if r.StatusCode != http.StatusOK {
		var p attest.Problem
		if err := json.Unmarshal(b, &p); err != nil || r.Header.Get("Content-Type") != attest.TypeProblem {
			f.t.Fatalf("status %d, no problem document: %q (%v)", r.StatusCode, b, err)
		}
		return &p
	}
	if err := f.check(doc, b); err != nil {
		f.t.Errorf("a wrong answer: %v", err)
	}
	return nil
}

func (f *faultyNode) check(doc, response []byte) error {
	resp, err := attest.ParseResponse(response)
	if err != nil {
		return err
	}
	tree, err := merkle.Root(attest.Leaf(doc, resp.Answer), resp.Index, resp.Size, resp.Path)
	if err != nil {
		return err
	}
	msg, err := sign.Open(resp.Evidence, attest.TypeEvidence, attest.MaxEvidenceSize)
	if err != nil {
		return err
	}
	ev, err := attest.ParseEvidence(msg.Unverified())
	if err != nil {
		return err
	}
	bound, err := attest.ParseBound(ev.Bound)
	if err != nil {
		return err
	}
	key, err := bound.Confirmation.PublicKey()
	if err != nil {
		return err
	}
	if _, err := msg.Verify(key); err != nil {
		return err
	}
	root := attest.BatchRoot(resp.Size, tree)
	if bound.Root != root || bound.UEID != f.ueid {
		return errors.New("root or ueid differs")
	}
	keyID, _ := attest.KeyDigest(key)
	return f.checkQuote(ev.Roots, attest.Binding(root, keyID, ev.Bound))
}

func (f *faultyNode) checkQuote(encoded []byte, binding attest.Digest) error {
	roots, err := attest.ParseRoots(encoded)
	if err != nil {
		return err
	}
	var q tpm.Quote
	if err := attest.Unmarshal(roots[attest.KindTPM], &q, attest.MaxEvidenceSize); err != nil {
		return err
	}
	inner, err := attest.Inner(nil)
	if err != nil {
		return err
	}
	_, err = tpm.CheckQuote(f.ak, q, attest.TPMQualifying(binding, inner), tpm.Selection())
	return err
}

// wantRefused demands a problem whose detail says what happened and what to do.
func (f *faultyNode) wantRefused(when string, words ...string) {
	f.t.Helper()
	p := f.try(nil)
	if p == nil {
		f.t.Errorf("%s: answered", when)
		return
	}
	for _, w := range append(words, "tpm") {
		if !strings.Contains(p.Detail, w) || p.Type != attest.ProblemBase+attest.ProblemUnavailable {
			f.t.Errorf("%s: %s: %q does not say %q", when, p.Type, p.Detail, w)
		}
	}
}

// wantAlive demands that the agent answers for itself, and a right answer before a deadline: the same process, not restarted.
func (f *faultyNode) wantAlive(when string) {
	f.t.Helper()
	r, err := f.client.Get(f.url + "/healthz")
	if err != nil {
		f.t.Fatalf("%s: %v", when, err)
	}
	_, _ = io.Copy(io.Discard, r.Body)
	r.Body.Close()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		p := f.try(nil)
		if p == nil {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("%s: still %s: %s", when, p.Type, p.Detail)
		}
	}
}

func TestAgentRefusesWithTheReasonAndTheFixWhileTheTPMFailsAndAnswersRightAfterwards(t *testing.T) {
	t.Parallel()
	f := startFaultyNode(t)
	f.wantAlive("at first")
	for _, c := range []struct {
		when  string
		do    tpmfault.Action
		words []string
	}{
		{"retry", tpmfault.Answer(tpm2.TPMRCRetry), []string{"quote", "TPM_RC_RETRY", "ask again"}},
		{"yielded", tpmfault.Answer(tpm2.TPMRCYielded), []string{"quote", "TPM_RC_YIELDED", "ask again"}},
		{"testing", tpmfault.Answer(tpm2.TPMRCTesting), []string{"quote", "TPM_RC_TESTING", "self test"}},
		{"NV rate", tpmfault.Answer(tpm2.TPMRCNVRate), []string{"quote", "TPM_RC_NV_RATE", "in a minute"}},
		{"NV unavailable", tpmfault.Answer(tpm2.TPMRCNVUnavailable), []string{"quote", "TPM_RC_NV_UNAVAILABLE", "in a minute"}},
		{"lockout", tpmfault.Answer(tpm2.TPMRCLockout), []string{"quote", "TPM_RC_LOCKOUT", "tpm2_dictionarylockout"}},
		{"failure mode", tpmfault.Answer(tpm2.TPMRCFailure), []string{"quote", "TPM_RC_FAILURE", "power the host off and on"}},
		{"truncated", tpmfault.Cut(15), []string{"quote", "broken answer", "ask again"}},
		{"lost", tpmfault.Lose(), []string{"quote", "dmesg"}},
	} {
		f.faults.Fail(tpm2.TPMCCQuote, 0, -1, c.do)
		f.wantRefused(c.when, c.words...)
		f.faults.Heal()
		f.wantAlive("after " + c.when)
	}
}

func TestAgentAnswersThroughShortTroubleAndAReset(t *testing.T) {
	t.Parallel()
	f := startFaultyNode(t)
	for when, do := range map[string]tpmfault.Action{
		"busy":  tpmfault.Answer(tpm2.TPMRCRetry),
		"NV":    tpmfault.Answer(tpm2.TPMRCNVUnavailable),
		"reset": tpmfault.Before(func() error { return f.swtpm.Reset(nil) }),
	} {
		f.faults.Fail(tpm2.TPMCCQuote, 0, 1, do)
		if p := f.try(nil); p != nil {
			t.Errorf("%s: %s: %s", when, p.Type, p.Detail)
		}
	}
	if n := f.opened.Load(); n != 1 {
		t.Errorf("the TPM was opened %d times", n)
	}
}

func TestAgentOutlivesAHangingTPM(t *testing.T) {
	t.Parallel()
	f := startFaultyNode(t)
	release := make(chan struct{})
	f.faults.Fail(tpm2.TPMCCQuote, 0, 1, tpmfault.Hang(release))
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	front := FrontInputs{Config: f.config.Digest}
	_, err := f.collector.Evidence(ctx, &EvidenceParams{Class: attest.ClassFast, Front: front})
	if r := asRefusal(err); r.Name != attest.ProblemUnavailable || !strings.Contains(r.Detail, "has not answered in time") || !strings.Contains(r.Detail, "power the host off") {
		t.Errorf("who asked first: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err = f.collector.Evidence(ctx, &EvidenceParams{Class: attest.ClassFast, Front: front})
	if r := asRefusal(err); r.Name != attest.ProblemUnavailable || !strings.Contains(r.Detail, `"quote" has held the tpm`) {
		t.Errorf("who asked next: %v", err)
	}
	if p := f.try(func(c *attest.Challenge) { c.Expires = c.Issued + 200 }); p == nil || p.Type != attest.ProblemBase+attest.ProblemTimeout {
		t.Errorf("a challenge meanwhile: %+v", p)
	}
	close(release)
	f.wantAlive("after the hang")
}

func TestAgentFindsAVanishedTPMAgain(t *testing.T) {
	t.Parallel()
	f := startFaultyNode(t)
	f.gone.Store(true)
	f.faults.Fail(tpmfault.Any, 0, -1, tpmfault.Gone("/dev/tpmrm0"))
	f.wantRefused("it vanishes", "no such device", "dmesg")
	deadline := time.Now().Add(5 * time.Second)
	for { // the identity that the front end holds is a second old at most
		if p := f.try(nil); p != nil && strings.Contains(p.Detail, "file does not exist") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it is gone, and nobody says that the device file is missing")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := f.swtpm.PowerCycle(); err != nil {
		t.Fatal(err)
	}
	f.faults.Heal()
	f.gone.Store(false)
	f.wantAlive("after its return")
	if n := f.opened.Load(); n != 2 {
		t.Errorf("the TPM was opened %d times", n)
	}
}

func TestAgentWithATPMOfAnotherSeedIsAnotherNode(t *testing.T) {
	t.Parallel()
	f := startFaultyNode(t)
	before := f.ueid
	reseed(t, f)
	if p := f.try(nil); p == nil {
		t.Error("the old node answered with a key that is gone")
	}
	deadline := time.Now().Add(20 * time.Second)
	for _, err := f.collector.keeper.get(); err != nil || f.opened.Load() < 2; _, err = f.collector.keeper.get() {
		if time.Now().After(deadline) {
			t.Fatal("not opened again")
		}
		time.Sleep(20 * time.Millisecond)
	}
	f.meet()
	if f.ueid == before {
		t.Fatal("the seed did not change")
	}
	time.Sleep(identityFresh)
	f.wantAlive("as another node")
}

// reseed changes the endorsement seed under the agent's feet, and with it every key derived from it.
func reseed(t *testing.T, f *faultyNode) {
	t.Helper()
	c, err := linuxudstpm.Open(f.swtpm.Socket())
	if err != nil {
		t.Fatal(err)
	}
	// TPM2_ChangeEPS (Part 3, 24.4): the library has no such command. Platform hierarchy, empty password.
	answer, err := c.Send([]byte{0x80, 2, 0, 0, 0, 27, 0, 0, 1, 0x24, 0x40, 0, 0, 0x0c, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0})
	if err != nil || binary.BigEndian.Uint32(answer[6:10]) != 0 {
		t.Fatalf("%x, %v", answer, err)
	}
}
