package enroll_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
)

// authority is a root and an intermediate below it, both with one key.
type authority struct {
	t                  *testing.T
	key                *ecdsa.PrivateKey
	root, intermediate *x509.Certificate
}

var hour = time.Now().Add(time.Hour).Truncate(time.Second)

func newAuthority(t *testing.T, change func(root, intermediate *x509.Certificate)) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, key: key}
	ca := func(n int64) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: fmt.Sprintf("maker %d", n)}, NotBefore: hour.Add(-2 * time.Hour), NotAfter: hour,
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte{byte(n)}}
	}
	root, intermediate := ca(1), ca(2)
	if change != nil {
		change(root, intermediate)
	}
	a.root = a.issue(root, root)
	a.intermediate = a.issue(intermediate, a.root)
	return a
}

func (a *authority) issue(c, parent *x509.Certificate) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &a.key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

func (a *authority) roots() *enroll.Roots {
	r := &enroll.Roots{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	r.Roots.AddCert(a.root)
	return r
}

// names encodes a subjectAltName of these general names.
func names(t *testing.T, list ...asn1.RawValue) []byte {
	t.Helper()
	b, err := asn1.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type pair struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

type pairSET []pair

// directory is a directory name of attributes 2.23.133.2.n.
func directory(t *testing.T, values ...string) asn1.RawValue {
	t.Helper()
	var rdns []pairSET
	for i, v := range values {
		if v != "" {
			rdns = append(rdns, pairSET{{asn1.ObjectIdentifier{2, 23, 133, 2, i + 1}, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(v)}}})
		}
	}
	b, err := asn1.Marshal(rdns)
	if err != nil {
		t.Fatal(err)
	}
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: b}
}

// ek certifies the authority's own key as a P-256 endorsement key, below the intermediate.
func (a *authority) ek(san []byte, change func(*x509.Certificate)) attest.EKOffer {
	a.t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(3), NotBefore: hour.Add(-2 * time.Hour), NotAfter: hour, KeyUsage: x509.KeyUsageKeyAgreement, BasicConstraintsValid: true,
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{{2, 23, 133, 8, 1}}, ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true, Value: san}}}
	if change != nil {
		change(c)
	}
	return attest.EKOffer{Template: "L-2", Certificate: a.issue(c, a.intermediate).Raw, Chain: [][]byte{a.intermediate.Raw}}
}

func TestChainMayComeFromTheNodeAndItsEndIsTheEarliest(t *testing.T) {
	for name, c := range map[string]struct {
		change func(root, intermediate, leaf *x509.Certificate)
		end    time.Time
	}{
		"all alike":          {func(_, _, _ *x509.Certificate) {}, hour},
		"root first":         {func(r, _, _ *x509.Certificate) { r.NotAfter = hour.Add(-time.Minute) }, hour.Add(-time.Minute)},
		"intermediate first": {func(_, i, _ *x509.Certificate) { i.NotAfter = hour.Add(-time.Minute) }, hour.Add(-time.Minute)},
		"endorsement key's":  {func(_, _, l *x509.Certificate) { l.NotAfter = hour.Add(-time.Minute) }, hour.Add(-time.Minute)},
	} {
		a := newAuthority(t, func(r, i *x509.Certificate) { c.change(r, i, new(x509.Certificate)) })
		ek := a.ek(names(t, directory(t, "id:49465800", "SLB", "id:07")), func(l *x509.Certificate) {
			c.change(new(x509.Certificate), new(x509.Certificate), l)
		})
		got, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, a.roots(), time.Now())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !got.NotAfter.Equal(c.end) || got.Identity.Model != "SLB" || got.Class != enroll.ClassDiscrete {
			t.Errorf("%s: until %s, want %s; %+v", name, got.NotAfter, c.end, got.Identity)
		}
		ek.Chain = nil
		if _, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, a.roots(), time.Now()); !errors.Is(err, enroll.ErrUntrusted) {
			t.Errorf("%s: without the intermediate: %v", name, err)
		}
		ek.Chain = [][]byte{[]byte("rubbish"), a.intermediate.Raw}
		if _, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, a.roots(), time.Now()); err != nil {
			t.Errorf("%s: rubbish before the intermediate: %v", name, err)
		}
	}
}

func TestChainsOverTheirLimitsAreRefused(t *testing.T) {
	a := newAuthority(t, nil)
	good := a.ek(names(t, directory(t, "id:49465800", "SLB", "id:07")), nil)
	for name, chain := range map[string][][]byte{"more certificates": make([][]byte, attest.MaxCerts+1), "a larger one": {make([]byte, attest.MaxCertSize+1)}} {
		ek := good
		ek.Chain = append(ek.Chain[:1:1], chain...) // what chains stands first: the limit alone refuses
		if c, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, a.roots(), time.Now()); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestChooseEKTellsWhatIsWrongWithACertificate(t *testing.T) {
	a := newAuthority(t, nil)
	good := directory(t, "id:49465800", "SLB", "id:07")
	short := newAuthority(t, func(r, _ *x509.Certificate) { r.MaxPathLenZero = true })
	dns := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte("tpm.example")}
	manyBytes, err := asn1.Marshal(make65())
	if err != nil {
		t.Fatal(err)
	}
	many := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: manyBytes}
	for name, c := range map[string]struct {
		by   *authority
		ek   attest.EKOffer
		want string
	}{
		"good":                          {a, a.ek(names(t, good), nil), ""},
		"a DNS name beside":             {a, a.ek(names(t, dns, good), nil), ""},
		"unknown template":              {a, func() attest.EKOffer { ek := a.ek(names(t, good), nil); ek.Template = "L-9"; return ek }(), "unknown template"},
		"over the limit":                {a, a.ek(names(t, good), func(c *x509.Certificate) { c.ExtraExtensions = append(c.ExtraExtensions, large()) }), enroll.ErrCertificate.Error()},
		"no manufacturer":               {a, a.ek(names(t, directory(t, "", "SLB", "id:07")), nil), enroll.ErrIdentity.Error()},
		"no model":                      {a, a.ek(names(t, directory(t, "id:49465800", "", "id:07")), nil), enroll.ErrIdentity.Error()},
		"no version":                    {a, a.ek(names(t, directory(t, "id:49465800", "SLB", "")), nil), enroll.ErrIdentity.Error()},
		"model is no text":              {a, a.ek(names(t, directory(t, "id:49465800", "\xff", "id:07")), nil), "is not text"},
		"named twice":                   {a, a.ek(names(t, good, good), nil), "twice"},
		"another kind of name":          {a, a.ek(names(t, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 5, IsCompound: true, Bytes: good.Bytes}), nil), enroll.ErrIdentity.Error()},
		"bytes behind a directory name": {a, a.ek(names(t, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: append(good.Bytes[:len(good.Bytes):len(good.Bytes)], 5, 0)}), nil), "trailing bytes"},
		"a universal tag 4":             {a, a.ek(names(t, asn1.RawValue{Class: asn1.ClassUniversal, Tag: 4, IsCompound: true, Bytes: good.Bytes}), nil), enroll.ErrIdentity.Error()},
		"many attributes":               {a, a.ek(names(t, many), nil), "attributes"},
		"no directory name":             {a, a.ek(names(t, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: []byte{5, 0}}), nil), enroll.ErrIdentity.Error()},
		"path too long":                 {short, short.ek(names(t, good), nil), enroll.ErrUntrusted.Error()},
	} {
		_, _, err := enroll.ChooseEK([]attest.EKOffer{c.ek}, c.by.roots(), time.Now())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if errors.Is(err, enroll.ErrExpired) {
			t.Errorf("%s: said to be expired", name)
		}
	}
}

func make65() []pairSET {
	out := make([]pairSET, 65)
	for i := range out {
		out[i] = pairSET{{asn1.ObjectIdentifier{1, 2, 3}, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("x")}}}
	}
	return out
}

func large() pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: make([]byte, attest.MaxCertSize)}
}

func TestClassNeedsTheRegistrysPrefix(t *testing.T) {
	if got := enroll.ClassOf(enroll.Identity{Manufacturer: "49465800", Model: "SLB"}); got != enroll.ClassUnknown {
		t.Errorf("%s", got)
	}
}

func TestSecretsAreFreshAndNonsenseIsRefused(t *testing.T) {
	a, b := enroll.NewSecret(), enroll.NewSecret()
	if len(a) != enroll.SecretSize || string(a) == string(b) || string(a) == string(make([]byte, len(a))) {
		t.Errorf("%x, %x", a, b)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l2, _ := tpm.TemplateByName("L-2")
	ek, err := l2.Public(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := enroll.MakeCredential(ek, make([]byte, 34), nil); err == nil {
		t.Error("no secret")
	}
	if _, _, err := enroll.MakeCredential(&tpm2.TPMTPublic{Type: tpm2.TPMAlgKeyedHash, NameAlg: tpm2.TPMAlgSHA256}, make([]byte, 34), a); err == nil {
		t.Error("a credential for no encryption key")
	}
}

// Each of our own checks speaks before go-attestation does: the second opinion may not be the only one.
func TestCreationIsJudgedBeforeTheSecondOpinion(t *testing.T) {
	soft := newSoftAK(t)
	born := func(p *attest.Parameters, change func(*tpm2.TPMSAttest)) {
		soft.born(t, p, tpm2.TPMRHEndorsement, change)
	}
	var good attest.Parameters
	born(&good, nil)
	if _, err := enroll.CheckParameters(&good); err != nil {
		t.Fatal(err)
	}
	data := func(change func(*tpm2.TPMSCreationData)) func(*attest.Parameters) {
		return func(p *attest.Parameters) {
			d, err := tpm.ParseCreationData(good.CreationData)
			if err != nil {
				t.Fatal(err)
			}
			change(d)
			soft.bornWith(t, p, tpm2.Marshal(d))
		}
	}
	for name, c := range map[string]struct {
		change func(*attest.Parameters)
		want   string
	}{
		"magic": {func(p *attest.Parameters) { born(p, func(a *tpm2.TPMSAttest) { a.Magic = 5 }) }, "creation attestation: magic 0x5"},
		"type": {func(p *attest.Parameters) {
			born(p, func(a *tpm2.TPMSAttest) {
				a.Type, a.Attested = tpm2.TPMSTAttestTime, tpm2.NewTPMUAttest(tpm2.TPMSTAttestTime, &tpm2.TPMSTimeAttestInfo{})
			})
		}, "type 0x8019"},
		"another key": {func(p *attest.Parameters) {
			born(p, func(a *tpm2.TPMSAttest) {
				c, _ := a.Attested.Creation()
				other := *c
				other.ObjectName.Buffer = append([]byte{0, 0x0b}, make([]byte, 32)...)
				a.Attested = tpm2.NewTPMUAttest(tpm2.TPMSTAttestCreation, &other)
			})
		}, "is about the key named"},
		"parent name algorithm": {data(func(d *tpm2.TPMSCreationData) { d.ParentNameAlg = tpm2.TPMAlgSHA256 }), "parent name algorithm"},
		"parent name":           {data(func(d *tpm2.TPMSCreationData) { d.ParentName = tpm2.HandleName(tpm2.TPMRHOwner) }), "parent name"},
		"parent qualified name": {data(func(d *tpm2.TPMSCreationData) { d.ParentQualifiedName = tpm2.HandleName(tpm2.TPMRHOwner) }), "parent qualified name"},
		"no creation data":      {func(p *attest.Parameters) { soft.bornWith(t, p, []byte{1}) }, "creation data: tpm creation data"},
	} {
		var p attest.Parameters
		c.change(&p)
		if _, err := enroll.CheckParameters(&p); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "go-attestation") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestLoadRootsTakesCertificatesOnlyAndWithinLimits(t *testing.T) {
	a := newAuthority(t, nil)
	root := &fstest.MapFile{Data: a.root.Raw}
	good := fstest.MapFS{"a.der": root, "dir.pem/b.cer": root, "note.txt": root, "other.pem": {Data: []byte("-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n")}}
	r, err := enroll.LoadRoots(good)
	if err != nil || len(r.Names) != 2 || len(r.Skipped) != 1 || !strings.Contains(r.Skipped[0].Error(), "other.pem: revocation list") {
		t.Fatalf("%+v, %v", r, err)
	}
	if !strings.Contains(r.Names[0], "maker 1") {
		t.Errorf("%v", r.Names)
	}
	bad := map[string]fstest.MapFS{
		"a file over the limit": {"a.der": root, "b.pem": {Data: make([]byte, enroll.MaxRootFileSize+1)}},
		"more files":            {},
		"nothing":               {},
	}
	for i := range enroll.MaxRootFiles + 1 {
		bad["more files"][fmt.Sprintf("%d.pem", i)] = &fstest.MapFile{}
	}
	bad["more files"]["0.der"] = root
	for name, dir := range bad {
		if r, err := enroll.LoadRoots(dir); err == nil {
			t.Errorf("%s: %+v", name, r.Names)
		}
	}
	var many []byte
	one := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})
	for range enroll.MaxRoots / 4 {
		many = append(many, one...)
	}
	dir := fstest.MapFS{}
	for i := range 5 {
		dir[fmt.Sprintf("%d.pem", i)] = &fstest.MapFile{Data: many}
	}
	if r, err := enroll.LoadRoots(dir); err == nil || !strings.Contains(err.Error(), "certificates") {
		t.Errorf("more certificates: %v, %v", r, err)
	}
}
