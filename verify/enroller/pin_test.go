package enroller_test

import (
	"crypto/sha256"
	"crypto/x509"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/merkle"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/verify/enroller"
)

// onChallenge answers as a host without TPM does: with claims of no kind, signed by the node key.
func (n *node) onChallenge(w http.ResponseWriter, r *http.Request) {
	t := n.t
	challenge, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
		return
	}
	channel := attest.Digest(must[[]byte](t)(r.TLS.ExportKeyingMaterial(attest.ExporterLabel, nil, attest.ExporterSize)))
	answer := must[[]byte](t)(attest.Marshal(attest.Answer{Channel: &channel}))
	tree, paths := merkle.Tree([]attest.Digest{attest.Leaf(challenge, answer)})
	b := attest.Bound{IssuedAt: uint64(time.Now().Unix()), Root: attest.BatchRoot(1, tree), UEID: n.ueid(), Name: "hallmark-agent", Version: []string{"1"},
		TLSKey: must[attest.Digest](t)(attest.KeyDigest(&n.tls.PublicKey)), Class: attest.ClassFast, Submods: map[attest.Kind]cbor.RawMessage{},
		Confirmation: must[attest.Confirmation](t)(attest.NewConfirmation(&n.evidence.PublicKey))}
	for _, k := range slices.Sorted(slices.Values(slices.Concat(attest.Built(), attest.Reserved()))) {
		b.Absent = append(b.Absent, attest.Absent(string(k), attest.NotConfigured, "test"))
	}
	if n.bound != nil {
		n.bound(&b)
	}
	if n.quoting {
		n.stateTPM(&b)
	}
	e := attest.Evidence{Profile: attest.Profile, Bound: must[[]byte](t)(attest.Marshal(b)), Roots: cbor.RawMessage{0xa0}}
	if n.quoting {
		e.Roots = n.quote(b.Root, e.Bound)
	}
	sealed := must[[]byte](t)(sign.Seal(n.evidence, attest.TypeEvidence, must[[]byte](t)(attest.Marshal(e))))
	_, _ = w.Write(must[[]byte](t)(attest.Marshal(attest.Response{Evidence: sealed, Answer: answer, Size: 1, Path: paths[0], Logs: map[string]attest.Part{}})))
}

func withoutTPM(t *testing.T) *node {
	n := newNode(t)
	n.ak = nil
	return n
}

func TestHostWithoutTPMIsPinnedByTheKeyThatAnswered(t *testing.T) {
	n := withoutTPM(t)
	spki := must[[]byte](t)(x509.MarshalPKIXPublicKey(&n.evidence.PublicKey))
	var shown attest.Digest
	got, err := n.enroll(enroller.Options{AcceptKey: func(d attest.Digest) bool { shown = d; return true }})
	if err != nil {
		t.Fatal(err)
	}
	if got.Trust != attest.TrustFirstUse || got.TPM != nil || *got.Key != sha256.Sum256(spki) || shown != *got.Key || got.UEID != n.ueid() {
		t.Errorf("%+v, shown %s", got, shown)
	}
}

func TestKeyThatNobodyAcceptedIsNotPinned(t *testing.T) {
	for name, accept := range map[string]func(attest.Digest) bool{"nobody asked": nil, "refused": func(attest.Digest) bool { return false }} {
		if _, err := withoutTPM(t).enroll(enroller.Options{AcceptKey: accept}); refusal(err) != "enroll.key_refused" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The fingerprint is shown only after the answer was authenticated: a relayed or made-up answer shows none.
func TestHostWithoutTPMMustAnswerAuthentically(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*node)
		want   string
	}{
		"relayed from another server": {func(n *node) { n.bound = func(b *attest.Bound) { b.TLSKey[0] ^= 1 } }, "channel.mismatch"},
		"answer to another challenge": {func(n *node) { n.bound = func(b *attest.Bound) { b.Root[0] ^= 1 } }, "batch.root"},
		"name of another key":         {func(n *node) { n.bound = func(b *attest.Bound) { b.UEID[9] ^= 1 } }, "ueid.audience"},
		"another name throughout": {func(n *node) {
			other := attest.UEIDFromKey(attest.Digest{7})
			n.identity = func(id *attest.Identity) { id.UEID = other.String() }
			n.bound = func(b *attest.Bound) { b.UEID = other }
		}, "ueid.key"},
		"another key's signature": {func(n *node) {
			n.bound = func(b *attest.Bound) {
				b.Confirmation = must[attest.Confirmation](n.t)(attest.NewConfirmation(&newKey(n.t).PublicKey))
			}
		}, "evidence.signature"},
	} {
		n := withoutTPM(t)
		c.change(n)
		_, err := n.enroll(enroller.Options{AcceptKey: func(attest.Digest) bool { t.Errorf("%s: somebody was asked to accept", name); return true }})
		if refusal(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// A node with a TPM that says it has none would be pinned by a key its owner can copy; its name then follows from the AK and not from that key.
func TestNodeThatHidesItsTPMIsRefused(t *testing.T) {
	n := newNode(t)
	n.identity = func(id *attest.Identity) { id.TPM = false }
	if _, err := n.enroll(enroller.Options{AcceptKey: func(attest.Digest) bool { return true }}); refusal(err) != "ueid.key" {
		t.Error(err)
	}
}

// A node that denies its TPM to the enroller and then answers with it is neither: no key of it may be shown to anybody.
func TestNodeThatAnswersWithATPMItDeniedIsNotPinned(t *testing.T) {
	n := newNode(t)
	n.quoting = true
	n.identity = func(id *attest.Identity) { id.TPM = false }
	got, err := n.enroll(enroller.Options{AcceptKey: func(d attest.Digest) bool { t.Errorf("%s was shown", d); return true }})
	if err == nil || !strings.Contains(err.Error(), "answers with a TPM") {
		t.Errorf("%+v, %v", got, err)
	}
}

var quotedPCRs = []uint{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

func (n *node) stateTPM(b *attest.Bound) {
	claims := tpm.Claims{ObtainedAt: uint64(time.Now().UnixMilli()), How: "go-tpm", Device: "/dev/tpmrm0", AK: tpm2.Marshal(n.public), EKs: []tpm.EKDigest{}, Bank: tpm.SHA256, Selection: quotedPCRs}
	for _, what := range []string{"firmware_version", "manufacturer", "runtime_register", "vendor"} {
		claims.Absent = append(claims.Absent, attest.Absent(what, attest.NotSupported, ""))
	}
	b.Submods[attest.KindTPM] = must[[]byte](n.t)(attest.Marshal(claims))
	b.Absent = slices.DeleteFunc(b.Absent, func(a attest.Absence) bool { return a.What == string(attest.KindTPM) })
}

// quote is a valid TPM quote over the binding, as the roots of the evidence.
func (n *node) quote(root attest.Digest, bound []byte) []byte {
	t := n.t
	binding := attest.Binding(root, must[attest.Digest](t)(attest.KeyDigest(&n.evidence.PublicKey)), bound)
	qualifying := attest.TPMQualifying(binding, must[attest.Digest](t)(attest.Inner(nil)))
	q := tpm.Quote{Bank: tpm.SHA256, PCRs: map[uint][]byte{}}
	for _, i := range quotedPCRs {
		q.PCRs[i] = make([]byte, 32)
	}
	qualified := sha256.Sum256(append(tpm.EndorsementName(), n.name()...))
	q.Attest = tpm2.Marshal(tpm2.TPMSAttest{Magic: tpm2.TPMGeneratedValue, Type: tpm2.TPMSTAttestQuote, QualifiedSigner: tpm2.TPM2BName{Buffer: append([]byte{0, 0x0b}, qualified[:]...)},
		ExtraData: tpm2.TPM2BData{Buffer: qualifying[:]}, Attested: tpm2.NewTPMUAttest(tpm2.TPMSTAttestQuote, &tpm2.TPMSQuoteInfo{
			PCRSelect: tpm2.TPMLPCRSelection{PCRSelections: []tpm2.TPMSPCRSelection{{Hash: tpm2.TPMAlgSHA256, PCRSelect: tpm2.PCClientCompatible.PCRs(quotedPCRs...)}}},
			PCRDigest: tpm2.TPM2BDigest{Buffer: tpm.PCRDigest(q.PCRs)}})})
	q.Signature = n.signed(q.Attest)
	return must[[]byte](t)(attest.Marshal(map[attest.Kind]tpm.Quote{attest.KindTPM: q}))
}
