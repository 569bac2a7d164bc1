package swtpm_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
)

func need(t *testing.T) {
	t.Helper()
	if err := swtpm.Available(); err != nil {
		t.Skip("SKIPPED, the software TPM was never exercised:", err)
	}
}

func TestStartCertifiesAskedEndorsementKeysAlsoInALongDirectory(t *testing.T) {
	need(t)
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 24))
	s, err := swtpm.Start(dir, swtpm.Options{Certify: []string{"L-2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	c, err := linuxudstpm.Open(s.Socket())
	if err != nil {
		t.Fatal(err)
	}
	for _, tmpl := range tpm.Templates() {
		_, err := tpm2.NVReadPublic{NVIndex: tpm2.TPMHandle(tmpl.NVIndex)}.Execute(c)
		want := tmpl.Name == "L-1" || tmpl.Name == "L-2" || tmpl.Name == "H-3"
		if (err == nil) != want {
			t.Errorf("certificate %s: %v, want one: %v", tmpl.Name, err, want)
		}
	}
}

func TestResetAndPowerCycleCount(t *testing.T) {
	need(t)
	s, err := swtpm.Start(t.TempDir(), swtpm.Options{WithoutCertificates: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	count := func() uint32 {
		c, err := linuxudstpm.Open(s.Socket())
		if err != nil {
			t.Fatal(err)
		}
		r, err := tpm2.ReadClock{}.Execute(c)
		if err != nil {
			t.Fatal(err)
		}
		return r.CurrentTime.ClockInfo.ResetCount
	}
	before := count()
	if err := s.Reset(nil); err != nil {
		t.Fatal(err)
	}
	if got := count(); got != before+1 {
		t.Errorf("reset count after reset: %d, want %d", got, before+1)
	}
	if err := s.PowerCycle(); err != nil {
		t.Fatal(err)
	}
	if got := count(); got != before+2 {
		t.Errorf("reset count after power cycle: %d, want %d", got, before+2)
	}
}
