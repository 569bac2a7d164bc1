package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

func TestMissingTPMRefusesUntilItComesAndNeverFallsBack(t *testing.T) {
	tpm := newFakeTPM(t)
	var there atomic.Bool
	n := startNode(t, nodeOptions{tpm: tpm, openTPM: func(context.Context) (TPM, error) {
		if !there.Load() {
			return nil, errors.New("no such device: switch it on")
		}
		return tpm, nil
	}})
	n.wantProblem("/v1/challenge", attest.TypeChallenge, seal(t, n.validator, attest.TypeChallenge, n.challenge(nil)), attest.ProblemUnavailable)
	r, err := n.client.Get(n.url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(r.Body)
	r.Body.Close()
	wantProblem(t, r, b, attest.ProblemUnavailable)
	if !strings.Contains(string(b), "switch it on") {
		t.Errorf("the reason is missing: %s", b)
	}
	there.Store(true)
	deadline := time.Now().Add(10 * time.Second)
	for {
		if _, _, err := n.exchange(n.client, seal(t, n.validator, attest.TypeChallenge, n.challenge(nil))); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func TestFailedQuoteIsAProblemAndNotEvidence(t *testing.T) {
	n := startNode(t, nodeOptions{})
	broken := errors.New("TPM_RC_FAILURE")
	n.tpm.fail.Store(&broken)
	r, b := n.post("/v1/challenge", attest.TypeChallenge, seal(t, n.validator, attest.TypeChallenge, n.challenge(nil)))
	wantProblem(t, r, b, attest.ProblemUnavailable)
	if !strings.Contains(string(b), "tpm quote") {
		t.Errorf("the step is missing: %s", b)
	}
	n.tpm.fail.Store(nil)
	n.ask(n.client)
}

func TestLostKeyOpensTheTPMAgain(t *testing.T) {
	tpm := newFakeTPM(t)
	var opened atomic.Int64
	n := startNode(t, nodeOptions{tpm: tpm, openTPM: func(context.Context) (TPM, error) { opened.Add(1); return tpm, nil }})
	err := error(ErrTPMLost)
	tpm.fail.Store(&err)
	n.wantProblem("/v1/challenge", attest.TypeChallenge, seal(t, n.validator, attest.TypeChallenge, n.challenge(nil)), attest.ProblemUnavailable)
	for deadline := time.Now().Add(5 * time.Second); opened.Load() < 2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not opened again")
		}
	}
}

func TestExpiryWhileWaitingIsTheDeadlineProblem(t *testing.T) {
	n := startNode(t, nodeOptions{})
	n.tpm.took = 400 * time.Millisecond
	short := func(c *attest.Challenge) { c.Expires = c.Issued + 150 }
	n.wantProblem("/v1/challenge", attest.TypeChallenge, seal(t, n.validator, attest.TypeChallenge, n.challenge(short)), attest.ProblemTimeout)
}

func TestAskerWhoLeavesHurtsNobody(t *testing.T) {
	n := startNode(t, nodeOptions{})
	n.tpm.took = 100 * time.Millisecond
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			client := newClient()
			defer client.CloseIdleConnections()
			if i%2 == 0 {
				client.Timeout = 60 * time.Millisecond
			}
			_, _, err := n.exchange(client, seal(t, n.validator, attest.TypeChallenge, n.challenge(nil)))
			if i%2 == 1 && err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestStopAnswersWhatIsUnderWayAndThenEnds(t *testing.T) {
	n := startNode(t, nodeOptions{})
	n.tpm.took = 300 * time.Millisecond
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, _, err := n.exchange(newClient(), seal(t, n.validator, attest.TypeChallenge, n.challenge(nil))); err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(150 * time.Millisecond)
	start := time.Now()
	if err := n.stop(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if d := time.Since(start); d > drainTimeout/2 {
		t.Errorf("stopping took %v", d)
	}
	if _, err := n.client.Get(n.url + "/healthz"); err == nil {
		t.Error("still answering")
	}
}

func TestStoppingRefusesNewChallenges(t *testing.T) {
	f := &Frontend{log: quiet(t)}
	f.stopping.Store(true)
	for _, serve := range []func(http.ResponseWriter, *http.Request) error{f.serveActivate, f.serveReady} {
		if err := serve(nil, &http.Request{}); asRefusal(err).Name != attest.ProblemStopping {
			t.Error(err)
		}
	}
	if _, _, err := f.challenge(nil, &http.Request{}); asRefusal(err).Name != attest.ProblemStopping {
		t.Error(err)
	}
}

func TestUnknownErrorsStayInside(t *testing.T) {
	r := asRefusal(errors.New("/secret/path"))
	if r.Name != attest.ProblemInternal || strings.Contains(r.Detail, "secret") {
		t.Error(r)
	}
	if asRefusal(&Refusal{Name: "made-up"}).Name != attest.ProblemInternal {
		t.Error("a name outside the table was passed on")
	}
}

func TestEverySourceEndsAsClaimsOrAsAnAbsenceWithItsReason(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	check := func([]byte) error { return nil }
	n := startNode(t, nodeOptions{sources: []Source{
		{Kind: attest.KindHost, Deadline: 50 * time.Millisecond, Check: check, Collect: func(context.Context) (any, error) { <-hang; return nil, nil }},
		{Kind: attest.KindGPU, Deadline: time.Second, Check: check, Collect: func(context.Context) (any, error) {
			return nil, &attest.AbsentError{Absence: attest.Absent("gpu", attest.NotLoaded, "no driver")}
		}},
		{Kind: attest.KindEngine, Deadline: time.Second, Every: time.Hour, Check: check, Collect: func(context.Context) (any, error) { return map[string]int{"a": 1}, nil }},
	}})
	_, b := n.ask(n.client)
	want := map[string]attest.Reason{"host": attest.Timeout, "gpu": attest.NotLoaded, "guest": attest.NotBuilt}
	for _, a := range b.Absent {
		if r, ok := want[a.What]; ok && r != a.Reason {
			t.Errorf("%s: %s, want %s", a.What, a.Reason, r)
		}
		delete(want, a.What)
	}
	if len(want) != 0 {
		t.Errorf("not absent: %v", want)
	}
	if _, ok := b.Submods[attest.KindEngine]; !ok || len(b.Submods) != 2 { // and the TPM
		t.Errorf("stated: %v", b.Submods)
	}
	_, b = n.ask(n.client)
	for _, a := range b.Absent {
		if a.What == "host" && a.Reason != attest.Timeout {
			t.Errorf("second reading beside a hanging one: %s", a.Reason)
		}
	}
}

func TestClaimsThatFailTheOwnCheckAreNotSent(t *testing.T) {
	r := newReader(Source{Kind: attest.KindGPU, Deadline: time.Second, Collect: func(context.Context) (any, error) { return map[string]int{"a": 1}, nil },
		Check: func([]byte) error { return errors.New("over a limit") }})
	if s := r.read(t.Context()); s.absence == nil || s.absence.Reason != attest.Failed {
		t.Errorf("%+v", s)
	}
}

func TestClaimsThatFailTheirCheckWhileTheTPMSignsAreNotSent(t *testing.T) {
	var deep any = map[string]int{"a": 1} // no bound reads back with these in it
	for range attest.DefaultNesting {
		deep = []any{deep}
	}
	for name, claims := range map[string]any{"a map": map[string]int{"a": 1}, "nested too deep": deep} {
		n := startNode(t, nodeOptions{sources: []Source{{Kind: attest.KindEngine, Deadline: time.Second,
			Collect: func(context.Context) (any, error) { return claims, nil },
			Check:   func([]byte) error { return errors.New("over a limit") }}}})
		for i, quotes := range []int64{2, 1} { // the next time it is checked before
			before := n.tpm.quotes.Load()
			_, b := n.ask(n.client)
			if _, ok := b.Submods[attest.KindEngine]; ok {
				t.Errorf("%s: sent", name)
			}
			if i := slices.IndexFunc(b.Absent, func(a attest.Absence) bool { return a.What == "engine" }); i < 0 || b.Absent[i].Reason != attest.Failed {
				t.Errorf("%s: absent: %v", name, b.Absent)
			}
			if q := n.tpm.quotes.Load() - before; q != quotes {
				t.Errorf("%s: answer %d took %d quotes, want %d", name, i, q, quotes)
			}
		}
	}
}

func TestLargestClaimsGoWhenAllTogetherAreTooLarge(t *testing.T) {
	states := map[attest.Kind]stated{attest.KindHost: {body: make([]byte, 500<<10)}, attest.KindGPU: {body: make([]byte, 510<<10)}, attest.KindEngine: {body: []byte{0xa0}}}
	shrink(states)
	if a := states[attest.KindGPU].absence; a == nil || a.Reason != attest.Oversize {
		t.Errorf("gpu: %+v", a)
	}
	if states[attest.KindHost].absence != nil || states[attest.KindEngine].absence != nil {
		t.Error("more was taken out than had to be")
	}
}

func TestHalvesWithDifferentFilesMakeNoEvidence(t *testing.T) {
	n := startNode(t, nodeOptions{})
	_, err := n.collector.Evidence(t.Context(), &EvidenceParams{Class: attest.ClassFast, Front: FrontInputs{Config: attest.Digest{1}}})
	if err == nil || !strings.Contains(err.Error(), "different configuration") {
		t.Error(err)
	}
	if n.tpm.quotes.Load() != 0 {
		t.Error("it was quoted")
	}
}

func TestIdentityNamesTheNodeAndItsKeys(t *testing.T) {
	n := startNode(t, nodeOptions{})
	r, err := n.client.Get(n.url + "/v1/identity")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var id attest.Identity
	if err := json.NewDecoder(r.Body).Decode(&id); err != nil {
		t.Fatal(err)
	}
	_, bound := n.ask(n.client)
	key, err := bound.Confirmation.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	d, _ := attest.KeyDigest(key)
	if id.UEID != n.ueid.String() || id.EvidenceKey != d.String() || id.TLSKey != bound.TLSKey.String() || !id.TPM || id.Profile != attest.Profile {
		t.Errorf("%+v", id)
	}
}
