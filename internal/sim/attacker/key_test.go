package attacker

import (
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// What an attacker invents must be refused for what it is, not for bad form: each forged quote passes all checks by itself.
func TestInventedQuotePassesEveryCheckButWhoseKeyItIs(t *testing.T) {
	k, err := newSoftwareKey()
	if err != nil {
		t.Fatal(err)
	}
	qualifying := attest.Digest(sha256.Sum256([]byte("qualifying")))
	q, err := k.Quote(qualifying)
	if err != nil {
		t.Fatal(err)
	}
	ak, err := tpm.ParseAK(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tpm.CheckQuote(ak, q, qualifying, tpm.Selection()); err != nil {
		t.Error(err)
	}
	other, err := newSoftwareKey()
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := tpm.ParseAK(other.Public())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tpm.CheckQuote(foreign, q, qualifying, tpm.Selection()); err == nil {
		t.Error("the quote passes under another key")
	}
}

func TestUnrestrictedTemplateDiffersInOneAttribute(t *testing.T) {
	k, err := newSoftwareKey()
	if err != nil {
		t.Fatal(err)
	}
	k.public.ObjectAttributes.Restricted = false
	_, err = tpm.ParseAK(k.Public())
	if v := tpm.Violations(err); len(v) != 1 {
		t.Errorf("violations %v, %v; want exactly one", v, errors.Unwrap(err))
	}
}
