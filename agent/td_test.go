package agent

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/runlog"
	"github.com/hallmark-attest/hallmark/attest/tdx"
	sim "github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

// tdHost is a simulated TD and the collector's own device over it.
func tdHost(t *testing.T, o sim.HostOptions) (*sim.Host, *tdx.Device) {
	t.Helper()
	a, err := sim.NewAuthority("agent", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Platform(sim.PlatformOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := sim.NewHost(t.TempDir(), p.NewTD(sim.Defaults()), o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := tdx.New(tdx.Options{Client: h.TSM, Files: h})
	if err != nil {
		t.Fatal(err)
	}
	return h, d
}

func (n *node) askTD(t *testing.T, logs *attest.Logs, kinds ...attest.Kind) (*attest.Response, *attest.Bound, map[attest.Kind][]byte) {
	t.Helper()
	doc := seal(t, n.validator, attest.TypeChallenge, n.challenge(func(c *attest.Challenge) { c.Kinds, c.Logs = kinds, logs }))
	resp, bound, err := n.exchange(n.client, doc)
	if err != nil {
		t.Fatal(err)
	}
	return resp, bound, n.rootsOf(t, resp)
}

func bootID() ([16]byte, error) { return [16]byte{7}, nil }

func TestTDQuoteNamesTheBindingAndTheAttestationKey(t *testing.T) {
	for name, noTPM := range map[string]bool{"with a TPM": false, "alone": true} {
		t.Run(name, func(t *testing.T) {
			_, td := tdHost(t, sim.HostOptions{})
			n := startNode(t, nodeOptions{td: td, noTPM: noTPM, bootID: bootID})
			resp, bound, roots := n.askTD(t, nil, attest.KindTDX)
			raw := roots[attest.KindTDX]
			var quote []byte
			if err := attest.Unmarshal(raw, &quote, attest.MaxEvidenceSize); err != nil {
				t.Fatal(err)
			}
			var ak attest.Digest
			if !noTPM {
				ak = attest.NameDigest(n.tpm.AKName())
			}
			key, _ := bound.Confirmation.PublicKey()
			id, _ := attest.KeyDigest(key)
			want := attest.TDXReportData(attest.Binding(bound.Root, id, n.boundOf(t, resp)), ak, attest.Digest{})
			if got := [64]byte(quote[48+520 : 48+584]); got != want {
				t.Error("the report data is another")
			}
			if !noTPM {
				var q fakeQuote
				if err := attest.Unmarshal(roots[attest.KindTPM], &q, 1024); err != nil {
					t.Fatal(err)
				}
				inner, _ := attest.Inner(map[attest.Kind]attest.Digest{attest.KindTDX: sha256.Sum256(quote)})
				qualifying := attest.TPMQualifying(attest.Binding(bound.Root, id, n.boundOf(t, resp)), inner)
				if q.Qualifying != qualifying || !ecdsa.VerifyASN1(&n.tpm.key.PublicKey, qualifying[:], q.Signature) {
					t.Error("the TPM's quote does not cover the TD's")
				}
			}
			if _, ok := bound.Submods[attest.KindTDX]; !ok || bound.Class != attest.ClassDevice {
				t.Errorf("class %s, absent %v", bound.Class, bound.Absent)
			}
		})
	}
}

func TestTDIsNotAskedInTheFastClass(t *testing.T) {
	h, td := tdHost(t, sim.HostOptions{})
	n := startNode(t, nodeOptions{td: td})
	_, bound, roots := n.askTD(t, nil, attest.KindTPM)
	if bound.Submods[attest.KindTDX] != nil || roots[attest.KindTDX] != nil || h.TSM.Made() > 1 { // one entry: the claims look
		t.Errorf("claims %v, %d report entries", bound.Submods[attest.KindTDX], h.TSM.Made())
	}
	for _, a := range bound.Absent {
		if a.What == string(attest.KindTDX) && a.Reason != attest.NotAsked {
			t.Errorf("%+v", a)
		}
	}
}

func TestHostThatIsNoTDSaysWhy(t *testing.T) {
	_, td := tdHost(t, sim.HostOptions{NotATD: true})
	n := startNode(t, nodeOptions{td: td})
	_, bound, _ := n.askTD(t, nil, attest.KindTDX)
	for _, a := range bound.Absent {
		if a.What == string(attest.KindTDX) && a.Reason == attest.NotPresent && a.Detail != "" {
			return
		}
	}
	t.Errorf("%v", bound.Absent)
}

func TestTDThatDoesNotQuoteRefusesAndRecovers(t *testing.T) {
	h, td := tdHost(t, sim.HostOptions{})
	n := startNode(t, nodeOptions{td: td})
	h.TSM.Answer(func([64]byte) []byte { return []byte("no quote") })
	doc := seal(t, n.validator, attest.TypeChallenge, n.challenge(func(c *attest.Challenge) { c.Kinds = []attest.Kind{attest.KindTDX} }))
	n.wantProblem("/v1/challenge", attest.TypeChallenge, doc, attest.ProblemUnavailable)
	h.TSM.Answer(nil)
	h.TSM.Fail("outblob", syscall.EBUSY, 2)
	n.askTD(t, nil, attest.KindTDX)
	if e := h.TSM.Entries(); len(e) != 0 {
		t.Errorf("entries left: %v", e)
	}
}

func TestTDKeepsARuntimeLogInRTMR3(t *testing.T) {
	_, td := tdHost(t, sim.HostOptions{CCELLog: []byte("a log that nobody reads here")})
	n := startNode(t, nodeOptions{td: td, bootID: bootID, noTPM: true})
	resp, bound, roots := n.askTD(t, &attest.Logs{CCEL: new(uint64), RTMR: new(uint64)}, attest.KindTDX)
	c, err := tdx.Parse(bound.Submods[attest.KindTDX])
	if err != nil || c.RuntimeRegister == nil || *c.RuntimeRegister != tdx.RuntimeRTMR {
		t.Fatalf("%+v, %v", c, err)
	}
	list, err := runlog.NewReplay(runlog.SHA384, tdx.RuntimeIndex).Continue(resp.Logs[attest.LogRTMR].Bytes)
	if err != nil {
		t.Fatal(err)
	}
	var quote []byte
	if err := attest.Unmarshal(roots[attest.KindTDX], &quote, attest.MaxEvidenceSize); err != nil {
		t.Fatal(err)
	}
	rtmr3 := quote[48+520-48 : 48+520]
	records, _, ok := list.LongestPrefix(func(register []byte) bool { return bytes.Equal(register, rtmr3) })
	if !ok || records != 1 || list.Records[0].Event.Type != runlog.TypeStart {
		t.Errorf("%d records replay to the quoted RTMR3", records)
	}
	if ccel := resp.Logs[attest.LogCCEL]; ccel.Absent != nil || string(ccel.Bytes[:4]) != "CCEL" {
		t.Errorf("ccel: %+v", ccel.Absent)
	}
}

// A host that is enrolled by its TD and answers without it has withdrawn it, says the verifier; so a TD that does not answer now costs the
// answer. Beside a TPM, by which such a host is enrolled, it is an absence like any.
func TestTDThatDoesNotAnswerIsNotStatedAbsentWhereItIsTheRoot(t *testing.T) {
	h, td := tdHost(t, sim.HostOptions{})
	h.TSM.Fail(sim.OpProvider, syscall.EIO, 1000)
	alone := startNode(t, nodeOptions{td: td, noTPM: true})
	doc := seal(t, alone.validator, attest.TypeChallenge, alone.challenge(func(c *attest.Challenge) { c.Kinds = []attest.Kind{attest.KindTDX} }))
	if r, b := alone.post("/v1/challenge", attest.TypeChallenge, doc); r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(b), "td claims: failed") {
		t.Errorf("%d, %s", r.StatusCode, b)
	}
	if _, bound, _ := alone.askTD(t, nil, attest.KindHost); bound.Class != attest.ClassFast {
		t.Errorf("class %s", bound.Class)
	}

	beside := startNode(t, nodeOptions{td: td})
	_, bound, _ := beside.askTD(t, nil, attest.KindTDX)
	if !slices.ContainsFunc(bound.Absent, func(a attest.Absence) bool { return a.What == string(attest.KindTDX) && a.Reason == attest.Failed }) {
		t.Errorf("%+v", bound.Absent)
	}
}
