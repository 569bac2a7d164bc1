package tpm_test

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// The raw parts are what other people's tools take: tpm2_checkquote of tpm2-tools accepts them, and refuses another nonce.
func TestCheckquoteOfTPM2ToolsAgrees(t *testing.T) {
	tool, err := exec.LookPath("tpm2_checkquote")
	if err != nil {
		t.Skip("SKIPPED, no second opinion on quotes: tpm2_checkquote not found: apt-get install tpm2-tools")
	}
	d, _ := device(t)
	q, err := d.Quote(within(t, 5*time.Second), qualifying(1))
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(d.AK().Key())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	check := func(nonce [32]byte) error {
		return exec.Command(tool, "-u", file("ak.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})),
			"-m", file("quote.msg", q.Attest), "-s", file("quote.sig", q.Signature), "-g", "sha256", "-q", hex.EncodeToString(nonce[:])).Run()
	}
	if err := check(qualifying(1)); err != nil {
		t.Errorf("good quote: %v", err)
	}
	if err := check(qualifying(2)); err == nil {
		t.Error("another nonce accepted")
	}
}

// What the AK's attributes are good for: the TPM itself refuses to sign invented quotes with it.
func TestTPMRefusesToSignAnInventedQuoteWithARestrictedKey(t *testing.T) {
	c := dial(t, sharedTPM(t))
	d := open(t, c)
	k := newSoftKey(t)
	forged := k.quote(t, qualifying(1), nil).Attest
	h, err := tpm2.Hash{Data: tpm2.TPM2BMaxBuffer{Buffer: forged}, HashAlg: tpm2.TPMAlgSHA256, Hierarchy: tpm2.TPMRHEndorsement}.Execute(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, handle := range handles(t, c, 0x80000000) {
		_, err := tpm2.Sign{
			KeyHandle: tpm2.AuthHandle{Handle: handle, Name: tpm2.TPM2BName{Buffer: d.AK().Name()}, Auth: tpm2.PasswordAuth(nil)},
			Digest:    h.OutHash, InScheme: tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull}, Validation: h.Validation,
		}.Execute(c)
		if err == nil {
			t.Error("the TPM signed an invented quote with the restricted key")
		}
	}
}

// The same with an unrestricted key works in any TPM; that is why ParseAK refuses such keys.
func TestForgedQuoteOfAnUnrestrictedKeyIsStoppedByItsAttributes(t *testing.T) {
	k := newSoftKey(t) // a plain key can sign all of it
	forged := k.quote(t, qualifying(1), nil)
	if _, err := tpm.CheckQuote(k.ak, forged, qualifying(1), tpm.Selection()); err != nil {
		t.Fatal("the forgery should be perfect:", err)
	}
	public := akPublic(&k.key.PublicKey, func(p *tpm2.TPMTPublic, _ *tpm2.TPMSECCParms) { p.ObjectAttributes.Restricted = false })
	if _, err := tpm.ParseAK(public); len(tpm.Violations(err)) != 1 {
		t.Errorf("unrestricted key: %v", err)
	}
}
