package enroller_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/enroller"
)

// trusting are the options of a validator that believes the node's maker.
func (n *node) trusting() enroller.Options {
	r := &enroll.Roots{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	r.Roots.AddCert(n.maker.cert)
	return enroller.Options{Roots: r}
}

func (n *node) enroll(o enroller.Options) (*attest.Node, error) {
	n.t.Helper()
	return enroller.Enroll(n.t.Context(), n.serve(), n.validator, o)
}

// refusal is the finding id of a refusal, or the text of another error.
func refusal(err error) string {
	var r *enroller.Refusal
	switch {
	case errors.As(err, &r):
		return r.Entry.ID
	case err != nil:
		return "error: " + err.Error()
	}
	return "enrolled"
}

func TestHonestNodeIsEnrolledUnderItsMakersCertificate(t *testing.T) {
	n := newNode(t)
	got, err := n.enroll(n.trusting())
	if err != nil {
		t.Fatal(err)
	}
	spki := must[[]byte](t)(x509.MarshalPKIXPublicKey(&n.ek.PublicKey))
	tpm := got.TPM
	if got.UEID != n.ueid() || got.Trust != attest.TrustCertificate || got.Key != nil || tpm.EK != sha256.Sum256(spki) || tpm.EKTemplate != "L-2" ||
		string(tpm.AK) != string(tpm2.Marshal(n.public)) || tpm.EKCertificate == nil || tpm.Class != "discrete" || tpm.Model != "SLB96" || tpm.Serial != "51" {
		t.Errorf("%+v, %+v", got, tpm)
	}
	if age := time.Since(time.UnixMilli(int64(got.Enrolled))); age < 0 || age > time.Minute {
		t.Errorf("enrolled %s ago", age)
	}
	file := must[[]byte](t)(verify.MarshalNode(n.validator, *got))
	if back, err := verify.OpenNode(file); err != nil || back.Node.UEID != n.ueid() {
		t.Error(err)
	}
}

func TestDemonstrationRootsMarkTheRecord(t *testing.T) {
	n := newNode(t)
	o := n.trusting()
	o.RootsAreDemoUnsafe = true
	if got, err := n.enroll(o); err != nil || got.Trust != attest.TrustDemo {
		t.Errorf("%+v, %v", got, err)
	}
}

// An endorsement key that no certificate vouches for is taken only when asked, and then said to be unlisted.
func TestUnlistedEndorsementKeyNeedsItsOption(t *testing.T) {
	stranger := newNode(t)
	for name, roots := range map[string]*enroll.Roots{"no roots": nil, "other roots": stranger.trusting().Roots} {
		n := newNode(t)
		if got, err := n.enroll(enroller.Options{Roots: roots}); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
		got, err := n.enroll(enroller.Options{Roots: roots, AllowUnlistedEK: true, RootsAreDemoUnsafe: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		spki := must[[]byte](t)(x509.MarshalPKIXPublicKey(&n.ek.PublicKey))
		if got.Trust != attest.TrustUnlisted || got.TPM.EKCertificate != nil || got.TPM.Class != "unknown" || got.TPM.EK != sha256.Sum256(spki) {
			t.Errorf("%s: %+v, %+v", name, got, got.TPM)
		}
	}
	n := newNode(t)
	if got, err := n.enroll(enroller.Options{Roots: n.trusting().Roots, AllowUnlistedEK: true}); err != nil || got.Trust != attest.TrustCertificate {
		t.Errorf("certified all the same: %+v, %v", got, err)
	}
}

func TestDishonestNodeIsRefusedWithTheReason(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*node)
		want   string
	}{
		"answers no CBOR":       {func(n *node) { n.raw = func([]byte) []byte { return []byte{0xff} } }, "enroll.parameters"},
		"offers no key":         {func(n *node) { n.parameters = func(p *attest.Parameters) { p.EKs = nil } }, "enroll.parameters"},
		"key is unrestricted":   {func(n *node) { n.public.ObjectAttributes.Restricted = false }, "enroll.ak.attributes"},
		"key is decrypting too": {func(n *node) { n.public.ObjectAttributes.Decrypt = true }, "enroll.ak.attributes"},
		"key is cut":            {func(n *node) { n.parameters = func(p *attest.Parameters) { p.AK = p.AK[:9] } }, "enroll.parameters"},
		"key of another parent": {func(n *node) { n.parent = tpm2.TPMRHOwner }, "enroll.ak.creation"},
		"proof without magic":   {func(n *node) { n.attested = func(a *tpm2.TPMSAttest) { a.Magic = 1 } }, "enroll.ak.creation"},
		"proof by another key":  {func(n *node) { n.parameters = func(p *attest.Parameters) { p.CreationSigning[9] ^= 1 } }, "enroll.parameters"},
		"named as another": {func(n *node) {
			n.identity = func(id *attest.Identity) { id.UEID = attest.UEIDFromKey(attest.Digest{}).String() }
		}, "enroll.ueid"},
		"no certificate":          {func(n *node) { n.parameters = func(p *attest.Parameters) { p.EKs[0].Certificate = nil } }, "enroll.ek.missing"},
		"certificate is rubbish":  {func(n *node) { n.parameters = func(p *attest.Parameters) { p.EKs[0].Certificate = []byte{0x30, 0} } }, "enroll.ek.unreadable"},
		"certificate by a friend": {func(n *node) { n.maker = newMaker(n.t) }, "enroll.ek.untrusted"},
		"certificate expired":     {func(n *node) { n.certified = func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) } }, "enroll.ek.expired"},
		"certificate of a server": {func(n *node) {
			n.certified = func(c *x509.Certificate) { c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 2, 3}} }
		}, "enroll.ek.untrusted"},
		"certificate of no TPM": {func(n *node) { n.certified = func(c *x509.Certificate) { c.ExtraExtensions = nil } }, "enroll.ek.untrusted"},
		"key beside another's certificate": {func(n *node) {
			n.parameters = func(p *attest.Parameters) {
				p.EKs[0].Key = must[[]byte](n.t)(x509.MarshalPKIXPublicKey(&newKey(n.t).PublicKey))
			}
		}, "enroll.ek.mismatch"},
		"P-256 key under an RSA template": {func(n *node) { n.parameters = func(p *attest.Parameters) { p.EKs[0].Template = "L-1" } }, "enroll.ek.mismatch"},
		"one missing, one expired": {func(n *node) {
			n.certified = func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
			n.parameters = func(p *attest.Parameters) { p.EKs = append([]attest.EKOffer{{Template: "H-2"}}, p.EKs...) }
		}, "enroll.ek.expired"},
		"chains over the limit together": {func(n *node) {
			n.parameters = func(p *attest.Parameters) {
				p.EKs[0].Chain = slices.Repeat([][]byte{{1}}, attest.MaxCerts)
				p.EKs = append(p.EKs, p.EKs[0])
			}
		}, "enroll.parameters"},
		"endorsement key elsewhere": {func(n *node) {
			genuine := n.ek // its certificate is shown; the secret is opened with another
			n.parameters = func(p *attest.Parameters) {
				n.ek = newKey(n.t)
				p.EKs[0].Key = must[[]byte](n.t)(x509.MarshalPKIXPublicKey(&genuine.PublicKey))
			}
		}, "enroll.activation"},
		"refuses to activate":   {func(n *node) { n.problem = attest.ProblemActivation }, "enroll.activation"},
		"another secret":        {func(n *node) { n.secret = func(b []byte) []byte { b[31] ^= 1; return b } }, "enroll.activation"},
		"part of the secret":    {func(n *node) { n.secret = func(b []byte) []byte { return b[:16] } }, "enroll.activation"},
		"no secret":             {func(n *node) { n.secret = func([]byte) []byte { return nil } }, "enroll.activation"},
		"bytes after a secret":  {func(n *node) { n.raw = func(b []byte) []byte { return afterStep(n, b) } }, "enroll.parameters"},
		"name that is no name":  {func(n *node) { n.identity = func(id *attest.Identity) { id.UEID = "02" } }, `error: identity: ueid "02": want 66 hex digits that begin with 01`},
		"busy when to activate": {func(n *node) { n.problem = attest.ProblemBusy }, "error: node refused: refused (422)"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			o := n.trusting()
			c.change(n)
			if _, err := n.enroll(o); refusal(err) != c.want {
				t.Errorf("%s, want %s (%v)", refusal(err), c.want, err)
			}
		})
	}
}

// afterStep adds a byte to the second answer only.
func afterStep(n *node, b []byte) []byte {
	if len(n.nonces) < 2 {
		return b
	}
	return append(b, 0)
}

func TestUnlistedKeyMustFitItsTemplate(t *testing.T) {
	for name, change := range map[string]func(*attest.EKOffer){
		"unknown template": func(k *attest.EKOffer) { k.Template = "L-9" },
		"another template": func(k *attest.EKOffer) { k.Template = "H-3" },
		"no key":           func(k *attest.EKOffer) { k.Key = nil },
		"an RSA key of 1024 bits": func(k *attest.EKOffer) {
			key, err := rsa.GenerateKey(rand.Reader, 1024)
			if err != nil {
				t.Fatal(err)
			}
			k.Template, k.Key = "L-1", must[[]byte](t)(x509.MarshalPKIXPublicKey(&key.PublicKey))
		},
	} {
		n := newNode(t)
		n.parameters = func(p *attest.Parameters) { change(&p.EKs[0]) }
		if _, err := n.enroll(enroller.Options{AllowUnlistedEK: true}); refusal(err) != "enroll.parameters" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The time of the judgement is the caller's: a certificate is judged then, and the record says so.
func TestEnrolmentIsJudgedAtTheGivenTime(t *testing.T) {
	n := newNode(t)
	n.certified = func(c *x509.Certificate) { c.NotBefore = time.Now().Add(-10 * time.Minute) }
	o := n.trusting()
	asked := 0
	o.Now = func() time.Time { // requests are made now, the certificate is judged before it was issued
		if asked++; asked == 1 {
			return time.Now()
		}
		return time.Now().Add(-30 * time.Minute)
	}
	if _, err := n.enroll(o); refusal(err) != "enroll.ek.expired" {
		t.Error(err)
	}
}

// What cannot be asked is an error and says nothing about the node.
func TestNodeThatCannotBeAskedIsNotJudged(t *testing.T) {
	n := newNode(t)
	c := n.serve()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := enroller.Enroll(ctx, c, n.validator, n.trusting()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	n = newNode(t)
	ctx, cancel = context.WithCancel(t.Context())
	o := n.trusting()
	o.Now = func() time.Time { cancel(); return time.Now() } // first asked for the activation request
	var refused *enroller.Refusal
	if _, err := enroller.Enroll(ctx, n.serve(), n.validator, o); !errors.Is(err, context.Canceled) || errors.As(err, &refused) {
		t.Error(err)
	}
}
