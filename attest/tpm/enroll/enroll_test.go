package enroll_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
	"github.com/hallmark-attest/hallmark/internal/hw"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
)

var shared struct {
	once sync.Once
	dir  string
	tpm  *swtpm.TPM
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.tpm != nil {
		_ = shared.tpm.Stop()
	}
	_ = os.RemoveAll(shared.dir)
	os.Exit(code)
}

// node is a software TPM with certificates for all five templates, and what it offers.
func node(t testing.TB) (*tpm.Device, *attest.Parameters, *enroll.Roots) {
	t.Helper()
	if err := swtpm.Available(); err != nil {
		t.Skip("SKIPPED, no enrolment was tried:", err)
	}
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "hallmark"); shared.err == nil {
			shared.tpm, shared.err = swtpm.Start(shared.dir, swtpm.Options{Certify: []string{"L-2", "H-1", "H-2"}})
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	d := device(t, shared.tpm)
	roots, err := enroll.LoadRoots(os.DirFS(shared.tpm.Roots()))
	if err != nil {
		t.Fatal(err)
	}
	return d, parameters(t, d), roots
}

func device(t testing.TB, s *swtpm.TPM) *tpm.Device {
	t.Helper()
	c, err := hw.OpenTPM("unix:" + s.Socket())
	if err != nil {
		t.Fatal(err)
	}
	d, err := tpm.NewDevice(context.Background(), c, tpm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close(context.Background()); _ = c.Close() })
	return d
}

func parameters(t testing.TB, d *tpm.Device) *attest.Parameters {
	t.Helper()
	p, err := d.ActivationParameters(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	out := &attest.Parameters{AK: p.AK, CreationData: p.CreationData, CreationAttest: p.CreationAttestation, CreationSigning: p.CreationSignature}
	for _, k := range p.EKs {
		out.EKs = append(out.EKs, attest.EKOffer{Template: k.Template, Key: k.SPKI, Certificate: k.Certificate, Chain: p.Chain})
	}
	return out
}

func only(p *attest.Parameters, template string) []attest.EKOffer {
	return slices.DeleteFunc(slices.Clone(p.EKs), func(k attest.EKOffer) bool { return k.Template != template })
}

func TestEnrolmentSucceedsWithEachKindOfEK(t *testing.T) {
	d, p, roots := node(t)
	ak, err := enroll.CheckParameters(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, tmpl := range tpm.Templates() {
		c, _, err := enroll.ChooseEK(only(p, tmpl.Name), roots, time.Now())
		if err != nil {
			t.Errorf("%s: %v", tmpl.Name, err)
			continue
		}
		if c.Class != enroll.ClassVirtual || c.Identity.Model != "swtpm" {
			t.Errorf("%s: class %s of %+v", tmpl.Name, c.Class, c.Identity)
		}
		secret := enroll.NewSecret()
		credential, encrypted, err := enroll.MakeCredential(c.Public, ak.Name(), secret)
		if err != nil {
			t.Errorf("%s: %v", tmpl.Name, err)
			continue
		}
		got, err := d.Activate(context.Background(), tmpl.Name, credential, encrypted)
		if err != nil || !bytes.Equal(got, secret) {
			t.Errorf("%s: activate: %x, %v", tmpl.Name, got, err)
		}
	}
}

func TestActivationFailsForAnAKOfAnotherTPM(t *testing.T) {
	d, p, roots := node(t)
	s, err := swtpm.Start(t.TempDir(), swtpm.Options{WithoutCertificates: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	foreign := device(t, s)
	for _, tmpl := range []string{"L-1", "L-2", "H-3"} {
		c, _, err := enroll.ChooseEK(only(p, tmpl), roots, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		// The credential names the foreign AK: the TPM with the EK has no object of that name.
		credential, encrypted, err := enroll.MakeCredential(c.Public, foreign.AK().Name(), enroll.NewSecret())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Activate(context.Background(), tmpl, credential, encrypted); err == nil {
			t.Errorf("%s: the EK's TPM gave %x away", tmpl, got)
		}
		if tmpl == "H-3" {
			continue
		}
		// And the TPM with that AK does not have the EK.
		if got, err := foreign.Activate(context.Background(), tmpl, credential, encrypted); err == nil {
			t.Errorf("%s: the AK's TPM gave %x away", tmpl, got)
		}
	}
}

func TestCheckParametersRefusesWithTheReason(t *testing.T) {
	_, good, _ := node(t)
	flip := func(b []byte, i int) []byte { b = bytes.Clone(b); b[(i+len(b))%len(b)] ^= 1; return b }
	soft := newSoftAK(t)
	for name, c := range map[string]struct {
		want   error
		change func(*attest.Parameters)
	}{
		"another AK":               {enroll.ErrCreation, func(p *attest.Parameters) { p.AK = soft.public }},
		"other creation data":      {enroll.ErrCreation, func(p *attest.Parameters) { p.CreationData = flip(p.CreationData, -1) }},
		"attestation cut":          {tpm.ErrForm, func(p *attest.Parameters) { p.CreationAttest = p.CreationAttest[:20] }},
		"byte behind attestation":  {tpm.ErrForm, func(p *attest.Parameters) { p.CreationAttest = append(bytes.Clone(p.CreationAttest), 0) }},
		"clock in the attestation": {tpm.ErrSignature, func(p *attest.Parameters) { p.CreationAttest = flip(p.CreationAttest, 44) }},
		"signature":                {tpm.ErrSignature, func(p *attest.Parameters) { p.CreationSigning = flip(p.CreationSigning, -1) }},
		"no AK":                    {tpm.ErrForm, func(p *attest.Parameters) { p.AK = nil }},
		"soft key, owner's parent": {enroll.ErrCreation, func(p *attest.Parameters) { soft.born(t, p, tpm2.TPMRHOwner, nil) }},
		"soft key, quote": {enroll.ErrCreation, func(p *attest.Parameters) {
			soft.born(t, p, tpm2.TPMRHEndorsement, func(a *tpm2.TPMSAttest) {
				a.Type, a.Attested = tpm2.TPMSTAttestTime, tpm2.NewTPMUAttest(tpm2.TPMSTAttestTime, &tpm2.TPMSTimeAttestInfo{})
			})
		}},
		"soft key, magic": {enroll.ErrCreation, func(p *attest.Parameters) {
			soft.born(t, p, tpm2.TPMRHEndorsement, func(a *tpm2.TPMSAttest) { a.Magic = 5 })
		}},
		"soft key, signer": {enroll.ErrCreation, func(p *attest.Parameters) {
			soft.born(t, p, tpm2.TPMRHEndorsement, func(a *tpm2.TPMSAttest) { a.QualifiedSigner.Buffer = nil })
		}},
	} {
		p := *good
		c.change(&p)
		if _, err := enroll.CheckParameters(&p); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	// A software key can claim all of it: only the activation shows that it is in no TPM.
	p := *good
	soft.born(t, &p, tpm2.TPMRHEndorsement, nil)
	if _, err := enroll.CheckParameters(&p); err != nil {
		t.Errorf("the perfect forgery: %v", err)
	}
	p.AK = soft.unrestricted
	if _, err := enroll.CheckParameters(&p); len(tpm.Violations(err)) != 1 {
		t.Errorf("unrestricted AK: %v", err)
	}
}

func TestChooseEKRefusesWithTheReason(t *testing.T) {
	_, p, roots := node(t)
	authority := shared.tpm.Authority()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	strangers, err := swtpm.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	issue := func(a *swtpm.Authority, key any, from, to time.Duration) attest.EKOffer {
		der, err := a.Issue(key, now.Add(from), now.Add(to))
		if err != nil {
			t.Fatal(err)
		}
		return attest.EKOffer{Template: "L-1", Certificate: der}
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := os.ReadFile(shared.tpm.Roots() + "/issuer.pem")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(issuer)
	for name, c := range map[string]struct {
		ek   attest.EKOffer
		want error
	}{
		"expired":            {issue(authority, &key.PublicKey, -2*time.Hour, -time.Hour), enroll.ErrExpired},
		"not yet valid":      {issue(authority, &key.PublicKey, time.Hour, 2*time.Hour), enroll.ErrExpired},
		"stranger's":         {issue(strangers, &key.PublicKey, -time.Hour, time.Hour), enroll.ErrUntrusted},
		"no certificate":     {attest.EKOffer{Template: "L-1"}, enroll.ErrNoCertificate},
		"rubbish":            {attest.EKOffer{Template: "L-1", Certificate: []byte{0x30, 0}}, enroll.ErrCertificate},
		"P-256 under L-1":    {issue(authority, &p256.PublicKey, -time.Hour, time.Hour), tpm.ErrKeyType},
		"a CA's certificate": {attest.EKOffer{Template: "L-2", Certificate: block.Bytes}, enroll.ErrIdentity},
		"another key beside": {func() attest.EKOffer {
			ek := issue(authority, &key.PublicKey, -time.Hour, time.Hour)
			ek.Key = p.EKs[0].Key
			return ek
		}(), enroll.ErrMismatch},
	} {
		if _, refusals, err := enroll.ChooseEK([]attest.EKOffer{c.ek}, roots, now); !errors.Is(err, c.want) || len(refusals) != 1 {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	// The stranger may send its own CA along: that makes it no root.
	ek := issue(strangers, &key.PublicKey, -time.Hour, time.Hour)
	for _, f := range []string{"root.pem", "issuer.pem"} {
		b, err := os.ReadFile(strangers.Roots() + "/" + f)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(b)
		ek.Chain = append(ek.Chain, block.Bytes)
	}
	if _, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, roots, now); !errors.Is(err, enroll.ErrUntrusted) {
		t.Errorf("stranger with its own root: %v", err)
	}
	// The first that chains is taken, the refusals before it are told.
	c, refusals, err := enroll.ChooseEK(append([]attest.EKOffer{ek}, p.EKs...), roots, now)
	if err != nil || c.Template.Name != "L-1" || len(refusals) != 1 {
		t.Errorf("%+v, %v, %v", c, refusals, err)
	}
	if _, _, err := enroll.ChooseEK(nil, roots, now); !errors.Is(err, enroll.ErrNoCertificate) {
		t.Errorf("nothing offered: %v", err)
	}
	if c.Public.Type != tpm2.TPMAlgRSA {
		t.Errorf("rebuilt public area of type %#x", uint16(c.Public.Type))
	}
}

func TestLoadRoots(t *testing.T) {
	node(t)
	cert := func(name string) []byte {
		b, err := os.ReadFile(shared.tpm.Roots() + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	block, _ := pem.Decode(cert("root.pem"))
	good := fstest.MapFS{"vendor/a.crt": {Data: block.Bytes}, "b.pem": {Data: cert("issuer.pem")},
		"README.md": {Data: []byte("words")}, "broken.pem": {Data: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1}})}}
	r, err := enroll.LoadRoots(good)
	if err != nil || len(r.Names) != 1 || len(r.Skipped) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := enroll.LoadRoots(fstest.MapFS{"b.pem": {Data: cert("issuer.pem")}}); !errors.Is(err, enroll.ErrNoRoots) {
		t.Errorf("no root among them: %v", err)
	}
	good["key.pem"] = &fstest.MapFile{Data: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte{1}})}
	if _, err := enroll.LoadRoots(good); err == nil {
		t.Error("a private key among the roots was accepted")
	}
}

func TestClassOfKnownVendors(t *testing.T) {
	for id, want := range map[enroll.Identity]enroll.Class{
		{Manufacturer: "id:494E5443", Model: "ADL"}:       enroll.ClassFirmware,
		{Manufacturer: "id:414d4400", Model: "AMD"}:       enroll.ClassFirmware,
		{Manufacturer: "id:49465800", Model: "SLB9672"}:   enroll.ClassDiscrete,
		{Manufacturer: "id:4E544300", Model: "NPCT75x"}:   enroll.ClassDiscrete,
		{Manufacturer: "id:00001014", Model: "swtpm"}:     enroll.ClassVirtual,
		{Manufacturer: "id:49465800", Model: "SWTPM 9"}:   enroll.ClassVirtual,
		{Manufacturer: "id:4D534654", Model: "x"}:         enroll.ClassUnknown,
		{Manufacturer: "Infineon", Model: "without hex"}:  enroll.ClassUnknown,
		{Manufacturer: "id:DEADBEEF", Model: "new maker"}: enroll.ClassUnknown,
	} {
		if got := enroll.ClassOf(id); got != want {
			t.Errorf("%+v: %s, want %s", id, got, want)
		}
	}
}

func TestMakeCredentialRefusesNonsense(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l2, _ := tpm.TemplateByName("L-2")
	ek, err := l2.Public(&p256.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := enroll.MakeCredential(ek, make([]byte, 34), make([]byte, 33)); err == nil {
		t.Error("secret over the limit")
	}
	if _, _, err := enroll.MakeCredential(ek, nil, make([]byte, 32)); err == nil {
		t.Error("no name")
	}
}

// softAK is a key outside any TPM that signs whatever it likes.
type softAK struct {
	key                  *ecdsa.PrivateKey
	public, unrestricted []byte
}

func newSoftAK(t testing.TB) *softAK {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	p := tpm2.TPMTPublic{
		Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, Restricted: true, SignEncrypt: true},
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{CurveID: tpm2.TPMECCNistP256, Scheme: tpm2.TPMTECCScheme{
			Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256})}}),
		Unique: tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{X: tpm2.TPM2BECCParameter{Buffer: raw[1:33]}, Y: tpm2.TPM2BECCParameter{Buffer: raw[33:]}}),
	}
	s := &softAK{key: key, public: tpm2.Marshal(p)}
	p.ObjectAttributes.Restricted = false
	s.unrestricted = tpm2.Marshal(p)
	return s
}

// born writes a made-up proof of birth under a hierarchy.
func (s *softAK) born(t testing.TB, p *attest.Parameters, parent tpm2.TPMHandle, change func(*tpm2.TPMSAttest)) {
	s.attest(t, p, tpm2.Marshal(tpm2.TPMSCreationData{ParentNameAlg: tpm2.TPMAlgNull, ParentName: tpm2.HandleName(parent), ParentQualifiedName: tpm2.HandleName(parent)}), change)
}

// bornWith writes a made-up proof of birth with this creation data.
func (s *softAK) bornWith(t testing.TB, p *attest.Parameters, data []byte) { s.attest(t, p, data, nil) }

func (s *softAK) attest(t testing.TB, p *attest.Parameters, data []byte, change func(*tpm2.TPMSAttest)) {
	ak, err := tpm.ParseAK(s.public)
	if err != nil {
		t.Fatal(err)
	}
	p.AK, p.CreationData = s.public, data
	hash := sha256.Sum256(p.CreationData)
	a := tpm2.TPMSAttest{Magic: tpm2.TPMGeneratedValue, Type: tpm2.TPMSTAttestCreation, QualifiedSigner: tpm2.TPM2BName{Buffer: ak.QualifiedName()},
		Attested: tpm2.NewTPMUAttest(tpm2.TPMSTAttestCreation, &tpm2.TPMSCreationInfo{ObjectName: tpm2.TPM2BName{Buffer: ak.Name()}, CreationHash: tpm2.TPM2BDigest{Buffer: hash[:]}})}
	if change != nil {
		change(&a)
	}
	p.CreationAttest = tpm2.Marshal(a)
	digest := sha256.Sum256(p.CreationAttest)
	r, v, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	p.CreationSigning = tpm2.Marshal(tpm2.TPMTSignature{SigAlg: tpm2.TPMAlgECDSA, Signature: tpm2.NewTPMUSignature(tpm2.TPMAlgECDSA,
		&tpm2.TPMSSignatureECC{Hash: tpm2.TPMAlgSHA256, SignatureR: tpm2.TPM2BECCParameter{Buffer: r.Bytes()}, SignatureS: tpm2.TPM2BECCParameter{Buffer: v.Bytes()}})})
}
