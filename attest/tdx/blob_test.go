package tdx

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestRealQuotesAreCut: what drivers of several clouds and vendors gave, v4 and v5, with and without padding.
func TestRealQuotesAreCut(t *testing.T) {
	dir := os.Getenv("HALLMARK_VECTORS")
	if dir == "" {
		dir = "../../../shared/data"
	}
	behind := map[string]int{
		"google-cos-113-tdx-quote.dat": 3065, "google-quote_v5_sample.dat": 0, "google-tdx_prod_quote_SPR_E4.dat": 39, "phala-tdx_quote.v4.bin": 70,
		"phala-tdx_quote_outdated.bin": 0, "dstack-verifier-quote-report.quote.bin": 70, "trustee-tdx_quote_4.dat": 0,
	}
	for name, want := range behind {
		blob, err := os.ReadFile(filepath.Join(dir, "tdx", name))
		if err != nil {
			t.Skipf("no captured quotes here (HALLMARK_VECTORS): %v", err)
		}
		at, _, err := body(blob)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		q, err := cutBlob(blob, [64]byte(blob[at+reportData:]))
		if err != nil || len(blob)-len(q) != want || !bytes.HasPrefix(blob, q) {
			t.Errorf("%s: %d bytes behind %d, want %d: %v", name, len(blob)-len(q), len(q), want, err)
		}
	}
}
