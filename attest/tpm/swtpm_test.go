package tpm_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/internal/hw"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
)

// One software TPM serves most tests: it takes a second to make. Tests that reset or fill it take their own.
var shared struct {
	once sync.Once
	tpm  *swtpm.TPM
	err  error
	dir  string
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.tpm != nil {
		_ = shared.tpm.Stop()
	}
	_ = os.RemoveAll(shared.dir)
	os.Exit(code)
}

func needSwtpm(t testing.TB) {
	t.Helper()
	if err := swtpm.Available(); err != nil {
		t.Skip("SKIPPED, nothing was tried on a TPM:", err)
	}
}

func sharedTPM(t testing.TB) *swtpm.TPM {
	t.Helper()
	needSwtpm(t)
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "hallmark"); shared.err == nil {
			shared.tpm, shared.err = swtpm.Start(shared.dir, swtpm.Options{Certify: []string{"L-2", "H-1"}})
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.tpm
}

func ownTPM(t testing.TB) *swtpm.TPM {
	t.Helper()
	needSwtpm(t)
	s, err := swtpm.Start(t.TempDir(), swtpm.Options{WithoutCertificates: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func dial(t testing.TB, s *swtpm.TPM) transport.TPMCloser {
	t.Helper()
	c, err := hw.OpenTPM("unix:" + s.Socket())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// open gives a Device that is closed with the test.
func open(t testing.TB, c transport.TPM) *tpm.Device {
	t.Helper()
	d, err := tpm.NewDevice(within(t, 10*time.Second), c, tpm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d
}

func device(t testing.TB) (*tpm.Device, transport.TPM) {
	t.Helper()
	c := dial(t, sharedTPM(t))
	return open(t, c), c
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func handles(t testing.TB, c transport.TPM, first uint32) []tpm2.TPMHandle {
	t.Helper()
	r, err := tpm2.GetCapability{Capability: tpm2.TPMCapHandles, Property: first, PropertyCount: 64}.Execute(c)
	if err != nil {
		t.Fatal(err)
	}
	list, err := r.CapabilityData.Data.Handles()
	if err != nil {
		t.Fatal(err)
	}
	return list.Handle
}

// wantClean demands that nothing is left loaded: objects, HMAC and policy sessions.
func wantClean(t testing.TB, c transport.TPM) {
	t.Helper()
	for _, first := range []uint32{0x80000000, 0x02000000, 0x03000000} {
		if got := handles(t, c, first); len(got) != 0 {
			t.Errorf("left loaded: %s", fmt.Sprintf("%#x", got))
		}
	}
}

func qualifying(b byte) (q [32]byte) {
	for i := range q {
		q[i] = b + byte(i)
	}
	return q
}
