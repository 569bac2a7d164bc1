package tdx_test

import (
	"syscall"
	"testing"

	collector "github.com/hallmark-attest/hallmark/attest/tdx"
	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

// TestProductionCollectorsQuotePassesFullVerification: the agent's own code on this side, Google's library on the other.
func TestProductionCollectorsQuotePassesFullVerification(t *testing.T) {
	for _, v := range []uint16{4, 5} {
		m := version(v)
		m.Trailing = make([]byte, 70)
		w := newWorld(t, m, tdx.PlatformOptions{})
		h, err := tdx.NewHost(t.TempDir(), w.td, tdx.HostOptions{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := collector.New(collector.Options{Client: h.TSM, Files: h})
		if err != nil {
			t.Fatal(err)
		}
		h.TSM.Fail(tdx.OpOutBlob, syscall.EBUSY, 1)
		q, err := d.Quote(t.Context(), [64]byte{byte(v)})
		if err != nil {
			t.Fatal(err)
		}
		if err := full(q, w.answers(t, tdx.CollateralOptions{}), w.authority.Pool(), at); err != nil {
			t.Errorf("version %d: %v", v, err)
		}
	}
}
