package enroll_test

import (
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

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
)

// crl is a revocation list by an issuer, in force now, that names these serial numbers.
func (a *authority) crl(issuer *x509.Certificate, change func(*x509.RevocationList), serials ...int64) []byte {
	a.t.Helper()
	l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: hour.Add(-2 * time.Hour), NextUpdate: hour}
	for _, s := range serials {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(s), RevocationTime: hour.Add(-time.Hour), ReasonCode: 1})
	}
	if change != nil {
		change(l)
	}
	der, err := x509.CreateRevocationList(rand.Reader, l, issuer, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return der
}

func critical(id asn1.ObjectIdentifier, value ...byte) func(*x509.RevocationList) {
	return func(l *x509.RevocationList) {
		l.ExtraExtensions = append(l.ExtraExtensions, pkix.Extension{Id: id, Critical: true, Value: value})
	}
}

var point = asn1.ObjectIdentifier{2, 5, 29, 28}

// pointAt is an issuing distribution point with one URI.
func pointAt(uri string) []byte {
	n := byte(len(uri))
	return append([]byte{0x30, n + 6, 0xa0, n + 4, 0xa0, n + 2, 0x86, n}, uri...)
}

func TestRevokedCertificateIsRefusedApartAndAnUnknownStandingIsSaid(t *testing.T) {
	a := newAuthority(t, nil)
	ek := a.ek(names(t, directory(t, "id:49465800", "SLB", "id:07")), func(c *x509.Certificate) {
		c.CRLDistributionPoints = []string{"http://maker.example/ek.crl"}
	})
	stranger := newAuthority(t, nil) // names its certificates alike
	ok := a.crl(a.root, nil, 99)     // covers the intermediate
	expired := func(l *x509.RevocationList) { l.NextUpdate = time.Now().Add(-time.Minute) }
	for name, c := range map[string]struct {
		lists [][]byte
		notes []string // nil: refused as revoked
	}{
		"endorsement key's":                   {[][]byte{ok, a.crl(a.intermediate, nil, 7, 3)}, nil},
		"intermediate":                        {[][]byte{a.crl(a.root, nil, 2), a.crl(a.intermediate, nil)}, nil},
		"on an expired list":                  {[][]byte{ok, a.crl(a.intermediate, expired, 3)}, nil},
		"on the older of two":                 {[][]byte{ok, a.crl(a.intermediate, nil), a.crl(a.intermediate, expired, 3)}, nil},
		"at the point the certificate names":  {[][]byte{ok, a.crl(a.intermediate, critical(point, pointAt("http://maker.example/ek.crl")...), 3)}, nil},
		"user certificates only":              {[][]byte{ok, a.crl(a.intermediate, critical(point, 0x30, 3, 0x81, 1, 0xff), 3)}, nil},
		"both lists in force":                 {[][]byte{ok, a.crl(a.intermediate, nil, 4)}, []string{}},
		"root's own serial number":            {[][]byte{a.crl(a.root, nil, 1), a.crl(a.intermediate, nil)}, []string{}},
		"expired and renewed":                 {[][]byte{ok, a.crl(a.intermediate, expired), a.crl(a.intermediate, nil)}, []string{}},
		"renewed and expired":                 {[][]byte{ok, a.crl(a.intermediate, nil), a.crl(a.intermediate, expired)}, []string{}},
		"intermediate's alone":                {[][]byte{a.crl(a.intermediate, nil)}, []string{`"maker 2" not checked: no list by its issuer, and the certificate names none`}},
		"root's alone":                        {[][]byte{ok}, []string{`certificate 3 not checked: no list by its issuer: fetch "http://maker.example/ek.crl"`}},
		"expired":                             {[][]byte{ok, a.crl(a.intermediate, expired)}, []string{`the list of "maker 2" expired on 20`}},
		"not yet begun":                       {[][]byte{ok, a.crl(a.intermediate, func(l *x509.RevocationList) { l.ThisUpdate = time.Now().Add(time.Minute) })}, []string{`the list of "maker 2" begins on 20`}},
		"by a stranger of that name":          {[][]byte{ok, stranger.crl(stranger.intermediate, nil, 3)}, []string{`the list of "maker 2" is not signed by it`}},
		"a delta list":                        {[][]byte{ok, a.crl(a.intermediate, critical(asn1.ObjectIdentifier{2, 5, 29, 27}, 2, 1, 1))}, []string{"no list by its issuer"}},
		"an indirect list":                    {[][]byte{ok, a.crl(a.intermediate, critical(point, 0x30, 3, 0x84, 1, 0xff))}, []string{"no list by its issuer"}},
		"some reasons only":                   {[][]byte{ok, a.crl(a.intermediate, critical(point, 0x30, 4, 0x83, 2, 6, 0x40))}, []string{"no list by its issuer"}},
		"CA certificates only":                {[][]byte{ok, a.crl(a.intermediate, critical(point, 0x30, 3, 0x82, 1, 0xff))}, []string{"no list by its issuer"}},
		"at another point":                    {[][]byte{ok, a.crl(a.intermediate, critical(point, pointAt("http://maker.example/other.crl")...))}, []string{"no list by its issuer"}},
		"an unknown critical extension":       {[][]byte{ok, a.crl(a.intermediate, critical(asn1.ObjectIdentifier{1, 2, 3}, 5, 0))}, []string{"no list by its issuer"}},
		"a broken issuing distribution point": {[][]byte{ok, a.crl(a.intermediate, critical(point, 0x30, 9))}, []string{"no list by its issuer"}},
	} {
		dir := fstest.MapFS{}
		for i, l := range c.lists {
			dir[fmt.Sprintf("%d.crl", i)] = &fstest.MapFile{Data: l}
		}
		roots := a.roots()
		if err := roots.AddCRLs(dir); err != nil {
			t.Fatal(name, err)
		}
		got, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, roots, time.Now())
		if c.notes == nil {
			if !errors.Is(err, enroll.ErrRevoked) || errors.Is(err, enroll.ErrUntrusted) || errors.Is(err, enroll.ErrExpired) || !strings.Contains(err.Error(), "reason 1") {
				t.Errorf("%s: %v, want revoked", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got.Unchecked) != len(c.notes) {
			t.Errorf("%s: %v, want %q", name, got.Unchecked, c.notes)
			continue
		}
		for i, n := range c.notes {
			if !strings.Contains(got.Unchecked[i].Error(), n) {
				t.Errorf("%s: %v, want %q", name, got.Unchecked[i], n)
			}
		}
	}
}

// A vendor that revokes one of two certificates of an issuer leaves the other path standing.
func TestRevokedPathIsLeftForAnother(t *testing.T) {
	a := newAuthority(t, nil)
	other := *a.intermediate
	other.SerialNumber = big.NewInt(20)
	ek := a.ek(names(t, directory(t, "id:49465800", "SLB", "id:07")), nil)
	ek.Chain = append(ek.Chain, a.issue(&other, a.root).Raw)
	for serials, want := range map[[2]int64]error{{2, 99}: nil, {20, 99}: nil, {2, 20}: enroll.ErrRevoked} {
		roots := a.roots()
		if err := roots.AddCRLs(fstest.MapFS{"a.crl": {Data: a.crl(a.root, nil, serials[:]...)}}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, roots, time.Now()); !errors.Is(err, want) {
			t.Errorf("%v: %v, want %v", serials, err, want)
		}
	}
}

func TestRevocationListsLieAmongTheRootsOrApartAndBringNoRoots(t *testing.T) {
	a := newAuthority(t, nil)
	revoking := pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: a.crl(a.intermediate, nil, 3)})
	ek := a.ek(names(t, directory(t, "id:49465800", "SLB", "id:07")), nil)
	r, err := enroll.LoadRoots(fstest.MapFS{"root.der": {Data: a.root.Raw}, "lists.pem": {Data: revoking}})
	if err != nil || len(r.Skipped) != 0 {
		t.Fatal(err, r)
	}
	if _, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, r, time.Now()); !errors.Is(err, enroll.ErrRevoked) {
		t.Errorf("lying among the roots: %v", err)
	}
	stranger := newAuthority(t, nil)
	r = stranger.roots()
	if err := r.AddCRLs(fstest.MapFS{"root.der": {Data: a.root.Raw}, "lists.pem": {Data: revoking}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, r, time.Now()); !errors.Is(err, enroll.ErrUntrusted) {
		t.Errorf("a root among the lists was trusted: %v", err)
	}
	for name, dir := range map[string]fstest.MapFS{
		"nothing":     {"note.txt": {Data: []byte("x")}},
		"no list":     {"root.pem": {Data: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})}},
		"broken list": {"a.crl": {Data: []byte{0x30, 0}}},
	} {
		if err := a.roots().AddCRLs(dir); !errors.Is(err, enroll.ErrNoCRLs) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := a.roots().AddCRLs(fstest.MapFS{"a.crl": {Data: make([]byte, enroll.MaxCRLFileSize+1)}}); err == nil {
		t.Error("over the limit")
	}
}

// Expiry is the vendor's neglect more often than an attack: it is told apart wherever in the chain it is.
func TestExpiryAnywhereInTheChainIsToldApartFromAnUnknownIssuer(t *testing.T) {
	past := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	san := names(t, directory(t, "id:49465800", "SLB", "id:07"))
	for name, a := range map[string]*authority{
		"intermediate": newAuthority(t, func(_, i *x509.Certificate) { past(i) }),
		"root":         newAuthority(t, func(r, _ *x509.Certificate) { past(r) }),
		"both":         newAuthority(t, func(r, i *x509.Certificate) { past(r); past(i) }),
	} {
		ek := a.ek(san, nil)
		if _, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, a.roots(), time.Now()); !errors.Is(err, enroll.ErrExpired) || errors.Is(err, enroll.ErrUntrusted) {
			t.Errorf("%s: %v", name, err)
		}
		ek.Chain = append(ek.Chain, newAuthority(t, nil).intermediate.Raw) // of the same name, by another key
		if _, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, a.roots(), time.Now()); !errors.Is(err, enroll.ErrExpired) {
			t.Errorf("%s, beside a stranger's: %v", name, err)
		}
		if _, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, newAuthority(t, nil).roots(), time.Now()); !errors.Is(err, enroll.ErrUntrusted) || errors.Is(err, enroll.ErrExpired) {
			t.Errorf("%s, under another root: %v", name, err)
		}
	}
}
