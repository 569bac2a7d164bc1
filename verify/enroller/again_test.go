package enroller_test

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify/enroller"
)

func TestSameKeysAreActivatedAnewAndTheRecordSaysWhen(t *testing.T) {
	n := newNode(t)
	old := must[*attest.Node](t)(n.enroll(n.trusting()))
	time.Sleep(2 * time.Millisecond) // the record's unit
	o := n.trusting()
	o.Known = old
	n.parameters = func(p *attest.Parameters) { // the chain stands beside another key
		first := attest.EKOffer{Template: "L-1", Key: []byte{1}, Chain: [][]byte{{1}}}
		p.EKs = append([]attest.EKOffer{first}, p.EKs...)
	}
	again := must[*attest.Node](t)(n.enroll(o))
	if again.Enrolled <= old.Enrolled || again.UEID != old.UEID || again.TPM.EK != old.TPM.EK || string(again.TPM.AK) != string(old.TPM.AK) {
		t.Errorf("%+v after %+v", again, old)
	}
}

func TestChangedKeyIsRefusedByItsName(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*node)
		want   string
	}{
		"attestation key":           {reAK, "the attestation key"},
		"endorsement key":           {func(n *node) { n.ek = newKey(n.t) }, "the endorsement key"},
		"certificate of another":    {otherCertificate, "enroll.ek.mismatch"},
		"TPM gone":                  {func(n *node) { n.ak = nil }, "the TPM changed: enrolled with a TPM, now without"},
		"endorsement key elsewhere": {elsewhere, "enroll.activation"},
	} {
		n := newNode(t)
		o := n.trusting()
		o.Known = must[*attest.Node](t)(n.enroll(o))
		c.change(n)
		_, err := n.enroll(o)
		id := "enroll.changed"
		if strings.HasPrefix(c.want, "enroll.") {
			id = c.want
		}
		if refusal(err) != id || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// reAK gives the node another attestation key.
func reAK(n *node) {
	other := newNode(n.t)
	n.ak, n.public = other.ak, other.public
}

// otherCertificate shows the enrolled key beside a certificate of another one.
func otherCertificate(n *node) {
	genuine := must[[]byte](n.t)(x509.MarshalPKIXPublicKey(&n.ek.PublicKey))
	n.ek = newKey(n.t)
	n.parameters = func(p *attest.Parameters) { p.EKs[0].Key = genuine }
}

// elsewhere shows the enrolled key and its certificate, and holds another.
func elsewhere(n *node) {
	genuine := n.ek
	n.parameters = func(p *attest.Parameters) {
		n.ek = newKey(n.t)
		p.EKs[0].Key = must[[]byte](n.t)(x509.MarshalPKIXPublicKey(&genuine.PublicKey))
	}
}

func TestHostWithoutTPMIsKnownByItsKey(t *testing.T) {
	n := withoutTPM(t)
	old := must[*attest.Node](t)(n.enroll(enroller.Options{AcceptKey: func(attest.Digest) bool { return true }}))
	if _, err := n.enroll(enroller.Options{Known: old}); err != nil {
		t.Errorf("the same key: %v", err)
	}
	other := *old
	other.Key = &attest.Digest{1}
	if _, err := n.enroll(enroller.Options{Known: &other}); refusal(err) != "enroll.changed" {
		t.Errorf("another key under the same name: %v", err)
	}
	n.evidence = newKey(t)
	if _, err := n.enroll(enroller.Options{Known: old, AcceptKey: func(attest.Digest) bool { return true }}); refusal(err) != "enroll.changed" || !strings.Contains(err.Error(), "node key") {
		t.Errorf("another key: %v", err)
	}
	tpm := newNode(t)
	if _, err := tpm.enroll(enroller.Options{Known: old}); refusal(err) != "enroll.changed" || !strings.Contains(err.Error(), "now with a TPM") {
		t.Errorf("a TPM where there was none: %v", err)
	}
}

func TestRevokedKeyIsRefusedAlsoWhereUnlistedOnesAreTaken(t *testing.T) {
	n := newNode(t)
	o := n.trusting()
	o.AllowUnlistedEK = true
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(0x51), RevocationTime: time.Now()}}}
	der := must[[]byte](t)(x509.CreateRevocationList(rand.Reader, list, n.maker.cert, n.maker.key))
	if err := o.Roots.AddCRLs(fstest.MapFS{"maker.crl": {Data: der}}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.enroll(o); refusal(err) != "enroll.ek.revoked" {
		t.Error(err)
	}
}

// Nobody is held back for a list that its maker does not publish, and nobody believes it was looked at.
func TestUncheckedRevocationAndPassedOverKeysAreNoted(t *testing.T) {
	n := newNode(t)
	n.parameters = func(p *attest.Parameters) {
		p.EKs = append([]attest.EKOffer{{Template: "L-1", Key: []byte{1}}}, p.EKs...)
	}
	o := n.trusting()
	var notes []string
	o.Note = func(err error) { notes = append(notes, err.Error()) }
	if _, err := n.enroll(o); err != nil {
		t.Fatal(err)
	}
	if len(notes) != 2 || !strings.Contains(notes[0], `passed over: endorsement key "L-1": no certificate`) || !strings.Contains(notes[1], "revocation of certificate 51 not checked: no list") {
		t.Errorf("%q", notes)
	}
	notes = nil
	o.Roots, o.AllowUnlistedEK = nil, true
	n.parameters = nil
	got, err := n.enroll(o)
	if err != nil || got.Trust != attest.TrustUnlisted || got.TPM.EK != sha256.Sum256(must[[]byte](t)(x509.MarshalPKIXPublicKey(&n.ek.PublicKey))) {
		t.Fatal(got, err)
	}
	if len(notes) != 1 {
		t.Errorf("why it is unlisted: %q", notes)
	}
}

// A vendor that lets an intermediate expire is told apart from one that nobody trusts.
func TestExpiredIntermediateIsRefusedAsExpired(t *testing.T) {
	for name, c := range map[string]struct {
		trusted bool
		want    string
	}{"of the trusted maker": {true, "enroll.ek.expired"}, "of another maker": {false, "enroll.ek.untrusted"}} {
		n := newNode(t)
		o := n.trusting()
		if !c.trusted {
			n.maker = newMaker(t)
		}
		below := &maker{key: newKey(t)}
		template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "below"}, NotBefore: time.Now().Add(-time.Hour),
			NotAfter: time.Now().Add(-time.Minute), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
		der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, n.maker.cert, &below.key.PublicKey, n.maker.key))
		below.cert = must[*x509.Certificate](t)(x509.ParseCertificate(der))
		n.maker = below
		n.parameters = func(p *attest.Parameters) { p.EKs[0].Chain = [][]byte{der} }
		if _, err := n.enroll(o); refusal(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}
