package tdx_test

import (
	"bytes"
	"errors"
	"syscall"
	"testing"

	"github.com/google/go-configfs-tsm/report"
	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

func newHost(t testing.TB, o tdx.HostOptions) (world, *tdx.Host) {
	t.Helper()
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	h, err := tdx.NewHost(t.TempDir(), w.td, o)
	if err != nil {
		t.Fatal(err)
	}
	return w, h
}

func TestTreeQuotesWhatWasWritten(t *testing.T) {
	w, h := newHost(t, tdx.HostOptions{})
	in := bytes.Repeat([]byte{0x5a}, 64)
	r, err := report.Get(h.TSM, &report.Request{InBlob: in})
	if err != nil {
		t.Fatal(err)
	}
	if r.Provider != "tdx_guest\n" || !bytes.Equal(r.OutBlob[568:632], in) || len(h.TSM.Entries()) != 0 {
		t.Errorf("provider %q, entries %v", r.Provider, h.TSM.Entries())
	}
	if err := full(r.OutBlob, w.answers(t, tdx.CollateralOptions{}), w.authority.Pool(), at); err != nil {
		t.Error(err)
	}
	if _, err := report.Get(h.TSM, &report.Request{InBlob: in[:63]}); err == nil {
		t.Error("63 bytes are quoted")
	}
	h.TSM.Meddle(1)
	if _, err := report.Get(h.TSM, &report.Request{InBlob: in}); report.GetGenerationErr(err) == nil {
		t.Errorf("somebody else's write does not show: %v", err)
	}
}

func TestRegisterFileExtendsTheTD(t *testing.T) {
	_, h := newHost(t, tdx.HostOptions{})
	const name = "/sys/devices/virtual/misc/tdx_guest/measurements/rtmr3:sha384"
	for _, n := range []int{0, 47, 49, 96} {
		if err := h.Write(name, make([]byte, n)); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if err := h.Write(name, make([]byte, 48)); err != nil {
		t.Fatal(err)
	}
	got, err := h.Read(name, 100)
	if err != nil {
		t.Fatal(err)
	}
	q := h.TD.Quote([64]byte{})
	if bytes.Equal(got, make([]byte, 48)) || !bytes.Equal(got, q[520:568]) {
		t.Error("file and quote disagree on RTMR3, or it did not move")
	}
}
