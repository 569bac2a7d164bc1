package agent

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// fakeClock is a clock that tests turn.
type fakeClock struct{ ms atomic.Int64 }

func newFakeClock() *fakeClock { c := &fakeClock{}; c.ms.Store(time.Now().UnixMilli()); return c }

func (c *fakeClock) now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *fakeClock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

func TestRefusalsNameTheirReasonAndCostNoTPMOperation(t *testing.T) {
	n := startNode(t, nodeOptions{})
	stranger, _ := sign.GenerateKey()
	sealed := func(edit func(*attest.Challenge)) []byte {
		return seal(t, n.validator, attest.TypeChallenge, n.challenge(edit))
	}
	good := sealed(nil)
	forged := bytes.Clone(good)
	forged[len(forged)-1] ^= 1
	cases := []struct {
		what, typ string
		body      []byte
		want      string
	}{
		{"other content type", "application/cbor", good, attest.ProblemMediaType},
		{"content type with parameter", attest.TypeChallenge + "; x=y", good, attest.ProblemMediaType},
		{"activation as challenge", attest.TypeActivate, good, attest.ProblemMediaType},
		{"too large", attest.TypeChallenge, make([]byte, attest.MaxRequestSize+1), attest.ProblemTooLarge},
		{"empty", attest.TypeChallenge, nil, attest.ProblemMalformed},
		{"noise", attest.TypeChallenge, []byte("noise"), attest.ProblemMalformed},
		{"trailing byte", attest.TypeChallenge, append(bytes.Clone(good), 0), attest.ProblemMalformed},
		{"another document's type", attest.TypeChallenge, seal(t, n.validator, attest.TypeRecord, n.challenge(nil)), attest.ProblemMalformed},
		{"payload is no challenge", attest.TypeChallenge, seal(t, n.validator, attest.TypeChallenge, "text"), attest.ProblemMalformed},
		{"zero nonce", attest.TypeChallenge, sealed(func(c *attest.Challenge) { c.Nonce = attest.Nonce{} }), attest.ProblemMalformed},
		{"no kinds", attest.TypeChallenge, sealed(func(c *attest.Challenge) { c.Kinds = nil }), attest.ProblemMalformed},
		{"unlisted key", attest.TypeChallenge, seal(t, stranger, attest.TypeChallenge, n.challenge(nil)), attest.ProblemUnknownKey},
		{"forged signature", attest.TypeChallenge, forged, attest.ProblemSignature},
		{"unknown kind", attest.TypeChallenge, sealed(func(c *attest.Challenge) { c.Kinds = []attest.Kind{"soul"} }), attest.ProblemUnsupported},
		{"long life", attest.TypeChallenge, sealed(func(c *attest.Challenge) { c.Expires = c.Issued + attest.MaxLifeMillis + 1 }), attest.ProblemLife},
		{"other audience", attest.TypeChallenge, sealed(func(c *attest.Challenge) { c.Audience[5] ^= 1 }), attest.ProblemAudience},
		{"other profile", attest.TypeChallenge, sealed(func(c *attest.Challenge) { c.Profiles = []string{"https://example/2"} }), attest.ProblemProfile},
		{"from the future", attest.TypeChallenge, sealed(func(c *attest.Challenge) { c.Issued += clockSkewMillis + 5000; c.Expires = c.Issued + 1000 }), attest.ProblemNotYet},
		{"expired", attest.TypeChallenge, sealed(func(c *attest.Challenge) { c.Issued -= 60_000; c.Expires = c.Issued + 1000 }), attest.ProblemExpired},
	}
	before := n.tpm.quotes.Load() + n.tpm.claims.Load() + n.tpm.others.Load()
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			r, b := n.post("/v1/challenge", c.typ, c.body)
			wantProblem(t, r, b, c.want)
		})
	}
	if after := n.tpm.quotes.Load() + n.tpm.claims.Load() + n.tpm.others.Load(); after != before {
		t.Errorf("refusals cost %d TPM operations", after-before)
	}
	if left := n.collectorUsed(t); left != 0 {
		t.Errorf("refusals used up %d nonces", left)
	}
}

func TestBodyWithoutLengthIsBoundedToo(t *testing.T) {
	n := startNode(t, nodeOptions{})
	body := struct{ io.Reader }{bytes.NewReader(make([]byte, attest.MaxRequestSize+1))} // hides the length: chunked
	r, err := n.client.Post(n.url+"/v1/challenge", attest.TypeChallenge, body)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	wantProblem(t, r, b, attest.ProblemTooLarge)
}

func TestFullStoreOfNoncesIsBusyAndABrokenOneUnavailable(t *testing.T) {
	n := startNode(t, nodeOptions{})
	used := openUsed(t, t.TempDir(), 0)
	used.bound = 1
	f, err := NewFrontend(FrontendOptions{Config: n.config, Half: n.collector, Keys: n.keys, Used: used, Log: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	use := func() error {
		return f.useOnce(&admission{listed: true, payload: n.challenge(nil)}, challengeSort, time.Now())
	}
	if err := use(); err != nil {
		t.Fatal(err)
	}
	if err := use(); asRefusal(err).Name != attest.ProblemBusy {
		t.Error(err)
	}
	used.bound = 9
	used.file.Close()
	if err := use(); asRefusal(err).Name != attest.ProblemUnavailable {
		t.Error("a nonce that could not be written down was used:", err)
	}
}

// collectorUsed counts the entries of the single-use file.
func (n *node) collectorUsed(t *testing.T) int64 {
	st, err := os.Stat(filepath.Join(n.config.StateDir, singleUseFile))
	if err != nil {
		t.Fatal(err)
	}
	return st.Size() / singleUseEntry
}

func TestClockSkewOfAValidatorAheadIsAllowed(t *testing.T) {
	n := startNode(t, nodeOptions{})
	doc := seal(t, n.validator, attest.TypeChallenge, n.challenge(func(c *attest.Challenge) { c.Issued += clockSkewMillis - 5000; c.Expires = c.Issued + 60_000 }))
	if _, _, err := n.exchange(n.client, doc); err != nil {
		t.Fatal(err)
	}
}

func TestReplayIsRefusedAlsoAfterRestart(t *testing.T) {
	tpm, dir := newFakeTPM(t), t.TempDir()
	n := startNode(t, nodeOptions{tpm: tpm, dir: dir})
	doc := seal(t, n.validator, attest.TypeChallenge, n.challenge(nil))
	if _, _, err := n.exchange(n.client, doc); err != nil {
		t.Fatal(err)
	}
	n.wantProblem("/v1/challenge", attest.TypeChallenge, doc, attest.ProblemReplayed)
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	quotes := tpm.quotes.Load()
	pub, err := sign.MarshalPublicKey(&n.validator.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "first.pub"), pub, 0o644); err != nil {
		t.Fatal(err)
	}
	again := startNode(t, nodeOptions{tpm: tpm, dir: dir})
	again.wantProblem("/v1/challenge", attest.TypeChallenge, doc, attest.ProblemReplayed)
	if tpm.quotes.Load() != quotes {
		t.Error("the replay cost a quote")
	}
}

func TestTwoKeysMayUseTheSameNonce(t *testing.T) {
	n := startNode(t, nodeOptions{})
	other := writeKey(t, filepath.Join(n.config.StateDir, "other.pub"))
	if count, err := n.keys.Load(); err != nil || count != 2 {
		t.Fatal(count, err)
	}
	c := n.challenge(nil)
	for _, key := range []int{0, 1} {
		k := n.validator
		if key == 1 {
			k = other
		}
		if _, _, err := n.exchange(n.client, seal(t, k, attest.TypeChallenge, c)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRateOfOneKeyIsLimitedAndRefills(t *testing.T) {
	clock := newFakeClock()
	n := startNode(t, nodeOptions{perMinute: 12, now: clock.now})
	for range 2 { // ten seconds' burst
		n.ask(n.client)
	}
	n.wantProblem("/v1/challenge", attest.TypeChallenge, seal(t, n.validator, attest.TypeChallenge, n.challenge(nil)), attest.ProblemRate)
	clock.advance(6 * time.Second)
	n.ask(n.client)
}

func TestFloodOfOneAddressIsLimitedAndListedKeysPayNothing(t *testing.T) {
	clock := newFakeClock()
	n := startNode(t, nodeOptions{now: clock.now})
	for range 60 {
		n.ask(n.client) // more than the address's burst of 50
	}
	for i := range 50 {
		if r, _ := n.post("/v1/challenge", attest.TypeChallenge, []byte("noise")); r.StatusCode != http.StatusBadRequest {
			t.Fatalf("request %d: status %d", i, r.StatusCode)
		}
	}
	n.wantProblem("/v1/challenge", attest.TypeChallenge, []byte("noise"), attest.ProblemRate)
}

func TestOpenAgentAnswersUnlistedKeysWithinCapsAndKeepsAShareForListed(t *testing.T) {
	clock := newFakeClock()
	n := startNode(t, nodeOptions{open: true, perMinute: 12, now: clock.now})
	stranger, _ := sign.GenerateKey()
	for range 2 {
		if _, _, err := n.exchange(n.client, seal(t, stranger, attest.TypeChallenge, n.challenge(nil))); err != nil {
			t.Fatal(err)
		}
		stranger, _ = sign.GenerateKey() // a new key does not help: the address pays
	}
	n.wantProblem("/v1/challenge", attest.TypeChallenge, seal(t, stranger, attest.TypeChallenge, n.challenge(nil)), attest.ProblemRate)
	n.ask(n.client)
}

func TestOpenAgentRefusesActivationByUnlistedKeys(t *testing.T) {
	n := startNode(t, nodeOptions{open: true})
	stranger, _ := sign.GenerateKey()
	n.wantProblem("/v1/activate", attest.TypeActivate, seal(t, stranger, attest.TypeActivate, n.activate(attest.StepParameters)), attest.ProblemUnknownKey)
	if n.tpm.others.Load() != 0 {
		t.Error("it cost a TPM operation")
	}
}

func (n *node) activate(step string) *attest.Activate {
	c := n.challenge(nil)
	return &attest.Activate{Profiles: c.Profiles, Nonce: c.Nonce, Issued: c.Issued, Expires: c.Expires, Audience: c.Audience, Step: step}
}

func TestActivationAnswersBothStepsAndNamesTheTPMsRefusal(t *testing.T) {
	n := startNode(t, nodeOptions{})
	r, b := n.post("/v1/activate", attest.TypeActivate, seal(t, n.validator, attest.TypeActivate, n.activate(attest.StepParameters)))
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != attest.TypeActivation {
		t.Fatal(r.Status, string(b))
	}
	if _, err := attest.ParseParameters(b); err != nil {
		t.Fatal(err)
	}
	a := n.activate(attest.StepActivate)
	a.EK, a.Credential, a.Secret = "L-1", []byte("good"), []byte("s")
	doc := seal(t, n.validator, attest.TypeActivate, a)
	r, b = n.post("/v1/activate", attest.TypeActivate, doc)
	var got attest.Activated
	if err := attest.Unmarshal(b, &got, 1024); err != nil || r.StatusCode != 200 || string(got.Secret) != "secret" {
		t.Fatal(r.Status, string(b), err)
	}
	n.wantProblem("/v1/activate", attest.TypeActivate, doc, attest.ProblemReplayed)
	bad := n.activate(attest.StepActivate)
	bad.EK, bad.Credential, bad.Secret = "L-1", []byte("bad"), []byte("s")
	n.wantProblem("/v1/activate", attest.TypeActivate, seal(t, n.validator, attest.TypeActivate, bad), attest.ProblemActivation)
	long := n.activate(attest.StepParameters)
	long.Expires = long.Issued + attest.MaxLifeMillis + 1
	n.wantProblem("/v1/activate", attest.TypeActivate, seal(t, n.validator, attest.TypeActivate, long), attest.ProblemLife)
}

func TestActivationWithoutTPMIsRefused(t *testing.T) {
	n := startNode(t, nodeOptions{noTPM: true})
	n.wantProblem("/v1/activate", attest.TypeActivate, seal(t, n.validator, attest.TypeActivate, n.activate(attest.StepParameters)), attest.ProblemNoTPM)
}

func TestRoutesRefuseOtherPathsAndMethods(t *testing.T) {
	n := startNode(t, nodeOptions{})
	n.wantProblem("/v1/other", attest.TypeChallenge, nil, attest.ProblemNotFound)
	n.wantProblem("/metrics", "", nil, attest.ProblemNotFound)
	n.wantProblem("/healthz", "", nil, attest.ProblemMethod)
	r, err := n.client.Get(n.url + "/v1/challenge")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	wantProblem(t, r, b, attest.ProblemMethod)
	if r.Header.Get("Allow") != http.MethodPost {
		t.Error("Allow:", r.Header.Get("Allow"))
	}
}
