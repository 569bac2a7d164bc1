package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// verifier judges nodes of f by the built-in policy.
func (f *forge) verifier(t testing.TB, e Endorsements, refs *References) *Verifier {
	t.Helper()
	p, err := DefaultPolicy()
	if err != nil {
		t.Fatal(err)
	}
	v, err := New(e, refs, p)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (f *forge) known() Endorsements {
	return Endorsements{Validator: &f.validator.PublicKey, Node: f.nodeFile()}
}

func (f *forge) soon(asked Tier) Options { return Options{At: f.at.Add(time.Second), Asked: asked} }

func TestOptionsWithoutTimeOrWithUnknownTierAreErrors(t *testing.T) {
	f := newForge(t)
	v := f.verifier(t, f.known(), nil)
	for _, o := range []Options{{Asked: TierCommunity}, {At: f.at, Asked: "golden"}, {At: f.at, Asked: TierNone}} {
		if r, err := v.Verify(f.make(), o); err == nil {
			t.Errorf("%+v: judged as %+v", o, r)
		}
	}
	if r, err := v.Verify(f.make(), Options{At: f.at}); err != nil || r.Asked != TierVerified {
		t.Errorf("no tier asked: %v, %v", r, err)
	}
}

func TestBytesThatAreNoRecordAreErrorsAndNoVerdict(t *testing.T) {
	f := newForge(t)
	v := f.verifier(t, f.known(), nil)
	for name, b := range map[string][]byte{
		"nothing":                      nil,
		"over the limit":               make([]byte, attest.MaxRecordSize+1),
		"a challenge":                  f.must(sign.Seal(f.validator, attest.TypeChallenge, []byte{0xa0})),
		"signed, but no record inside": f.must(sign.Seal(f.validator, attest.TypeRecord, []byte{0xa0})),
	} {
		for _, judge := range []func() (any, error){
			func() (any, error) { return v.Verify(b, f.soon(TierCommunity)) },
			func() (any, error) { return v.ReferenceOf(b, f.soon(TierCommunity)) },
			func() (any, error) { _, r, err := v.FirstAnswer(b, f.soon(TierCommunity)); return r, err },
		} {
			if r, err := judge(); err == nil {
				t.Errorf("%s: %+v", name, r)
			}
		}
	}
}

// Each stage refuses by itself: nobody who calls Open alone may take a contradicted record for an opened one.
func TestOpenReturnsNoRecordThatIsContradicted(t *testing.T) {
	f := newForge(t)
	f.record = func(r *attest.Record) { r.Sent -= 10 }
	op, refused, err := f.verifier(t, f.known(), nil).Open(f.make(), f.soon(TierCommunity))
	if op != nil || refused == nil || err != nil {
		t.Errorf("%v, %v, %v", op, refused, err)
	}
}

func TestStoredChallengeThatIsTheOneAnsweredPasses(t *testing.T) {
	f := newForge(t)
	rec := openedRecord(t, f)
	o := f.soon(TierCommunity)
	o.Stored = rec.Challenge
	if r, err := judgeRecord(f.known(), nil, o, f.seal(rec)); err != nil || !r.Accepted {
		t.Errorf("%v, %v", r, err)
	}
}

func TestAgeIsJudgedAtItsBounds(t *testing.T) {
	f := newForge(t)
	received := f.at.Add(20 * time.Millisecond)
	for at, want := range map[time.Duration]bool{time.Minute: true, time.Minute + time.Millisecond: false, -clockSkew: true, -clockSkew - time.Millisecond: false} {
		o := Options{At: received.Add(at), Asked: TierCommunity, MaxAge: time.Minute}
		if r, err := judgeRecord(f.known(), nil, o, f.make()); err != nil || r.Accepted != want {
			t.Errorf("%s: %v, %v", at, r, err)
		}
	}
	if r, err := judgeRecord(f.known(), nil, Options{At: received.Add(time.Hour), Asked: TierCommunity}, f.make()); err != nil || !r.Accepted {
		t.Errorf("no age asked: %v, %v", r, err)
	}
}

func TestMissingNodeRecordIsSaid(t *testing.T) {
	f := newForge(t)
	r, err := f.judgeWith(Endorsements{Validator: &f.validator.PublicKey}, nil, f.soon(TierCommunity))
	if err != nil || !slices.Contains(ids(r, Warning), "node.not_given") {
		t.Errorf("%v, %v", r, err)
	}
	f.nodeKey = newKey(t) // given, and refused: not the same as not given
	if r, err = f.judge(TierCommunity); err != nil || slices.Contains(ids(r, Warning), "node.not_given") || r.Accepted {
		t.Errorf("%v, %v", r, err)
	}
}

func TestResultOfARefusalNamesWhatIsKnown(t *testing.T) {
	f := newForge(t)
	f.bound = func(b *attest.Bound) { b.Root = tlsKey }
	r, err := f.judge(TierCommunity)
	if err != nil || r.Node != f.ueid().String() || r.Received != "2026-11-22T10:00:00.020Z" || r.Validator != f.keyDigest(f.validator).String() || r.Tier != TierNone || r.Ceiling == "" {
		t.Errorf("%+v, %v", r, err)
	}
	f.recordKey = newKey(t)
	if r, err = f.judge(TierCommunity); err != nil || r.Node != "" || r.Received != "" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestNodeRecordAloneNamesTheValidator(t *testing.T) {
	f := newForge(t)
	r, err := f.judgeWith(Endorsements{Node: f.nodeFile()}, nil, f.soon(TierCommunity))
	if err != nil || !r.Accepted || r.Validator != f.keyDigest(f.validator).String() {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestFilesThatAreNoNodeRecordAreErrors(t *testing.T) {
	f := newForge(t)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	named := func(signer []byte, change func(*attest.Node)) []byte {
		n := attest.Node{Profile: attest.Profile, UEID: f.ueid(), Trust: attest.TrustFirstUse, Key: &tlsKey, Signer: signer}
		call(change, &n)
		return f.must(encodeNodeFile(f.must(sign.Seal(f.validator, attest.TypeNode, f.must(attest.Marshal(n)))), nil))
	}
	own := f.must(x509.MarshalPKIXPublicKey(&f.validator.PublicKey))
	if _, err := OpenNode(named(own, nil)); err != nil {
		t.Fatal(err)
	}
	doc, err := decodeNodeFile(named(own, nil))
	if err != nil {
		t.Fatal(err)
	}
	whole := base64.RawURLEncoding.EncodeToString(doc)
	for name, b := range map[string][]byte{
		"rubbish behind":  []byte(`{"node":"` + whole + `*"}`), // the decoder returns what stands before it
		"member twice":    []byte(`{"node":"` + whole + `","node":5}`),
		"nothing":         nil,
		"over the limit":  append(named(own, nil), bytes.Repeat([]byte(" "), attest.MaxNodeRecordSize)...),
		"no JSON":         []byte("node"),
		"no member":       []byte("{}"),
		"no base64":       []byte(`{"node":"*"}`),
		"no document":     []byte(`{"node":"oA"}`),
		"another type":    f.must(encodeNodeFile(f.must(sign.Seal(f.validator, attest.TypeReference, []byte{0xa0})), nil)),
		"no node inside":  f.must(encodeNodeFile(f.must(sign.Seal(f.validator, attest.TypeNode, []byte{0xa0})), nil)),
		"no signer":       named(nil, nil),
		"signer on P-384": named(f.must(x509.MarshalPKIXPublicKey(&p384.PublicKey)), nil),
		"signer is RSA":   named(f.must(x509.MarshalPKIXPublicKey(rsaKey(t))), nil),
		"no root":         named(own, func(n *attest.Node) { n.Key = nil }),
	} {
		if n, err := OpenNode(b); err == nil {
			t.Errorf("%s: %+v", name, n)
		}
		if _, err := f.judgeWith(Endorsements{Validator: &f.validator.PublicKey, Node: append(b, ' ')}, nil, f.soon(TierCommunity)); err == nil {
			t.Errorf("%s: judged", name)
		}
	}
}

func rsaKey(t testing.TB) *rsa.PublicKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &k.PublicKey
}

func TestNewRefusesAnIncompletePolicy(t *testing.T) {
	f := newForge(t)
	p, err := DefaultPolicy()
	if err != nil {
		t.Fatal(err)
	}
	delete(p, TierEnterprise)
	if _, err := New(f.known(), nil, p); err == nil || !strings.Contains(err.Error(), "enterprise is missing") {
		t.Error(err)
	}
	if p, err = DefaultPolicy(); err != nil {
		t.Fatal(err)
	}
	delete(p[TierVerified].Kinds, attest.KindGPU)
	if _, err := New(f.known(), nil, p); err == nil || !strings.Contains(err.Error(), "not answered") {
		t.Error(err)
	}
}

func TestMarshalNodeRefusesWhatItCouldNotRead(t *testing.T) {
	f := newForge(t)
	if _, err := MarshalNode(f.validator, attest.Node{UEID: f.ueid(), Trust: attest.TrustCertificate}); err == nil {
		t.Error("a record without root was signed")
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := MarshalNode(p384, attest.Node{UEID: f.ueid(), Trust: attest.TrustFirstUse, Key: &tlsKey}); err == nil {
		t.Error("a key on P-384 signed")
	}
}

func TestNodeKeyIsThatOfAnAuthenticAnswerWithoutTPM(t *testing.T) {
	f := newForge(t).withoutTPM()
	e := Endorsements{Validator: &f.validator.PublicKey}
	if d, refused, err := f.verifier(t, e, nil).FirstAnswer(f.make(), f.soon(TierCommunity)); err != nil || refused != nil || d.Key != f.keyDigest(f.evidence) || d.TD != nil {
		t.Errorf("%+v, %v, %v", d, refused, err)
	}
	for id, change := range map[string]func(*forge){
		"freshness.order": func(f *forge) { f.record = func(r *attest.Record) { r.Sent -= 10 } },
		"batch.root":      func(f *forge) { f.bound = func(b *attest.Bound) { b.Root = tlsKey } },
	} {
		f := newForge(t).withoutTPM()
		change(f)
		v := f.verifier(t, Endorsements{Validator: &f.validator.PublicKey}, nil)
		if d, refused, err := v.FirstAnswer(f.make(), f.soon(TierCommunity)); err != nil || refused == nil || outcome(refused) != id || d != nil {
			t.Errorf("%s: %+v, %v, %v", id, d, refused, err)
		}
	}
	f = newForge(t)
	if d, refused, err := f.verifier(t, Endorsements{Validator: &f.validator.PublicKey}, nil).FirstAnswer(f.make(), f.soon(TierCommunity)); err == nil {
		t.Errorf("a node with a TPM: %+v, %v", d, refused)
	}
}
