package tpm_test

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

func exampleClaims(t testing.TB) *tpm.Claims {
	version := uint64(7)<<32 | 9
	return &tpm.Claims{
		ObtainedAt: 1_700_000_000_000, How: tpm.How, Device: "/dev/tpmrm0", AK: newSoftKey(t).ak.Public(),
		EKs: []tpm.EKDigest{
			{Template: "L-1", NVIndex: 0x1c00002, KeyDigest: make([]byte, 32), CertificateDigest: make([]byte, 32)},
			{Template: "H-3", NVIndex: 0x1c00016, KeyDigest: make([]byte, 32)},
		},
		Bank: tpm.SHA256, Selection: tpm.Selection(), Manufacturer: "IFX", Vendor: "SLB9670", FirmwareVersion: &version,
		Absent: []attest.Absence{attest.Absent("eks[H-3].certificate_digest", attest.NotPresent, ""), attest.Absent(tpm.RuntimeRegister, attest.NotConfigured, "")},
	}
}

func TestClaimsRoundTrip(t *testing.T) {
	b, err := attest.Marshal(exampleClaims(t))
	if err != nil {
		t.Fatal(err)
	}
	c, err := tpm.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if *c.FirmwareVersion != 7<<32|9 || c.EKs[1].Template != "H-3" {
		t.Errorf("came back as %+v", c)
	}
}

func TestClaimsRefuse(t *testing.T) {
	for name, change := range map[string]func(*tpm.Claims){
		"no time":                     func(c *tpm.Claims) { c.ObtainedAt = 0 },
		"no device":                   func(c *tpm.Claims) { c.Device = "" },
		"control character":           func(c *tpm.Claims) { c.Vendor = "a\x1bb" },
		"no AK":                       func(c *tpm.Claims) { c.AK = nil },
		"no bank":                     func(c *tpm.Claims) { c.Bank = 0 },
		"no selection":                func(c *tpm.Claims) { c.Selection = nil },
		"PCR twice":                   func(c *tpm.Claims) { c.Selection[1] = 0 },
		"PCR 24":                      func(c *tpm.Claims) { c.Selection[15] = 24 },
		"unknown template":            func(c *tpm.Claims) { c.EKs[1].Template = "H-9" },
		"templates out of order":      func(c *tpm.Claims) { slices.Reverse(c.EKs) },
		"template twice":              func(c *tpm.Claims) { c.EKs[1] = c.EKs[0] },
		"index of another template":   func(c *tpm.Claims) { c.EKs[0].NVIndex++ },
		"short key digest":            func(c *tpm.Claims) { c.EKs[0].KeyDigest = c.EKs[0].KeyDigest[:31] },
		"short certificate digest":    func(c *tpm.Claims) { c.EKs[0].CertificateDigest = c.EKs[0].CertificateDigest[:31] },
		"gap without absence":         func(c *tpm.Claims) { c.Absent = nil },
		"firmware without absence":    func(c *tpm.Claims) { c.FirmwareVersion = nil },
		"absence with unknown reason": func(c *tpm.Claims) { c.Absent[0].Reason = "bored" },
	} {
		c := exampleClaims(t)
		change(c)
		if err := c.Check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestClaimsOfATPMNameItsCertificates(t *testing.T) {
	d, _ := device(t)
	c, err := d.Claims(within(t, 10*time.Second), "unix:/run/swtpm", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	b, err := attest.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = tpm.Parse(b); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range c.EKs {
		names = append(names, k.Template)
	}
	if !slices.Equal(names, []string{"L-1", "L-2", "H-1", "H-3"}) || c.Manufacturer != "IBM" {
		t.Errorf("EKs %v, manufacturer %q", names, c.Manufacturer)
	}
	if len(c.Absent) != 2 || c.Absent[1].What != tpm.RuntimeRegister || c.Absent[0].What != "eks[H-2].certificate_digest" || c.Absent[0].Reason != attest.NotPresent {
		t.Errorf("absent %v", c.Absent)
	}
	p, err := d.ActivationParameters(within(t, 10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range p.EKs {
		digest := sha256.Sum256(k.SPKI)
		if !bytes.Equal(digest[:], c.EKs[i].KeyDigest) {
			t.Errorf("%s: digest of another key", k.Template)
		}
	}
}

func TestKeysAreOfferedWithoutCertificates(t *testing.T) {
	d := open(t, dial(t, ownTPM(t)))
	c, err := d.Claims(within(t, 20*time.Second), "unix:/run/swtpm", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.EKs) != 2 || c.EKs[0].Template != "L-1" || c.EKs[1].Template != "L-2" || len(c.Absent) != 6 {
		t.Errorf("EKs %+v, absent %v", c.EKs, c.Absent)
	}
}

func TestRuntimeRegisterIsStatedOrAbsent(t *testing.T) {
	c := exampleClaims(t)
	if with := c.WithRuntimeLog(13, nil); with.Check() != nil || *with.RuntimeRegister != 13 || c.RuntimeRegister != nil {
		t.Errorf("stated: %v", with.Check())
	}
	why := attest.Absent("", attest.NotPermitted, "in use")
	if with := c.WithRuntimeLog(0, &why); with.Check() != nil || with.RuntimeRegister != nil || len(with.Absent) != 2 || with.Absent[1].Detail != "in use" {
		t.Errorf("absent: %+v, %v", with.Absent, with.Check())
	}
	if c.WithRuntimeLog(23, nil).Check() == nil {
		t.Error("a register outside the quote was accepted")
	}
	c.Absent = c.Absent[:1]
	if c.Check() == nil {
		t.Error("a gap was accepted")
	}
}
