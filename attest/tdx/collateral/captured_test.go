package collateral_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/internal/vectors"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

const (
	june2025 = "phala-tdx_quote.collateral.json"          // FMSPC B0C06F000000
	feb2026  = "phala-tdx_quote_outdated.collateral.json" // FMSPC 90C06F000000
)

// issued is when the collateral was, plus an hour.
var issued = map[string]time.Time{
	june2025: time.Date(2025, 6, 19, 11, 32, 27, 0, time.UTC),
	feb2026:  time.Date(2026, 2, 18, 11, 58, 51, 0, time.UTC),
}

// captured quotes under captured collateral: what the notes found, by hand, by go-tdx-guest and by dcap-qvl.
var captured = []struct {
	quote, collateral string
	status            collateral.Status
	lacking           string
	foreign           bool
}{
	{"phala-tdx_quote.v4.bin", june2025, collateral.UpToDate, "", false},
	{"google-quote_v5_sample.dat", feb2026, collateral.UpToDate, "", false},
	{"dstack-verifier-quote-report.quote.bin", feb2026, collateral.UpToDate, "", false},
	{"phala-tdx_quote_outdated.bin", feb2026, collateral.Unrecognized, "[{CPUSVN 7 SEAMLDR ACM 3 5}]", false},
	// No collateral of their FMSPC was captured.
	{"google-tdx_prod_quote_SPR_E4.dat", feb2026, "", "", true},
	{"google-cos-113-tdx-quote.dat", feb2026, "", "", true},
	{"trustee-tdx_quote_4.dat", june2025, "", "", true},
}

func TestCapturedQuotesAreAppraised(t *testing.T) {
	roots, err := quote.IntelRoots()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range captured {
		t.Run(c.quote, func(t *testing.T) {
			raw := vectors.Read(t, c.quote)
			n, err := quote.Length(raw)
			if err != nil {
				t.Fatal(err)
			}
			q, err := quote.Parse(raw[:n])
			if err != nil {
				t.Fatal(err)
			}
			at := issued[c.collateral]
			p, err := q.CheckSignature(roots, at)
			if err != nil {
				t.Fatal(err)
			}
			file := vectors.Read(t, c.collateral)
			read, err := collateral.Parse(file)
			if err != nil {
				t.Fatal(err)
			}
			checked, err := read.Check(roots, at)
			if err != nil {
				t.Fatal(err)
			}
			tcb, err := checked.Appraise(q, p)
			if c.foreign != errors.Is(err, collateral.ErrForeign) {
				t.Fatal(err)
			}
			accepts := library(q.Canonical(), roots, fileGetter(t, file), at)
			if c.foreign {
				if accepts == nil {
					t.Error("the library accepts foreign collateral")
				}
				return
			}
			if tcb.Status != c.status || len(tcb.Stale) > 0 {
				t.Fatalf("%+v", tcb)
			}
			if got := fmt.Sprint(tcb.Lacking); c.lacking != "" && got != c.lacking {
				t.Error(got)
			}
			if (accepts == nil) != (c.status == collateral.UpToDate) {
				t.Errorf("%s here, library: %v", tcb.Status, accepts)
			}
			// Today the status is the same, of collateral that has ended.
			today, err := checked.At(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)).Appraise(q, p)
			if err != nil || today.Status != c.status || len(today.Stale) == 0 || !today.Stale[0].Expired(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)) {
				t.Errorf("today: %+v %v", today, err)
			}
			t.Logf("%s, relaunch advised %v, min date %s, evaluation %d", tcb.Status, tcb.RelaunchAdvised, tcb.MinDate.Format(time.DateOnly), tcb.EvaluationNumber)
		})
	}
}

// fileGetter serves a file of captured collateral to the library.
func fileGetter(t testing.TB, file []byte) getter {
	t.Helper()
	var m map[string]string
	if err := json.Unmarshal(file, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

type getter map[string]string

func (g getter) Get(address string) (map[string][]string, []byte, error) {
	chain := func(name, from string) map[string][]string {
		return map[string][]string{name: {url.QueryEscape(g[from])}}
	}
	switch {
	case strings.Contains(address, "/tcb?"):
		return chain("Tcb-Info-Issuer-Chain", "tcb_info_issuer_chain"), []byte(`{"tcbInfo":` + g["tcb_info"] + `,"signature":"` + g["tcb_info_signature"] + `"}`), nil
	case strings.Contains(address, "/qe/identity"):
		return chain("Sgx-Enclave-Identity-Issuer-Chain", "qe_identity_issuer_chain"), []byte(`{"enclaveIdentity":` + g["qe_identity"] + `,"signature":"` + g["qe_identity_signature"] + `"}`), nil
	case strings.Contains(address, "/pckcrl"):
		b, err := hex.DecodeString(g["pck_crl"])
		return chain("Sgx-Pck-Crl-Issuer-Chain", "pck_crl_issuer_chain"), b, err
	}
	b, err := hex.DecodeString(g["root_ca_crl"])
	return nil, b, err
}
