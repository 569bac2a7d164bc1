package collateral_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/google/go-tdx-guest/abi"
	"github.com/google/go-tdx-guest/verify"
	"github.com/google/go-tdx-guest/verify/trust"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

var at = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// world is a synthetic authority with one TD.
type world struct {
	t    testing.TB
	auth *tdx.Authority
	td   *tdx.TD

	q *quote.Quote // verified once
	p *quote.Platform
}

func newWorld(t testing.TB, m tdx.Measurements, o tdx.PlatformOptions) *world {
	t.Helper()
	auth, err := tdx.NewAuthority("verify", at)
	if err != nil {
		t.Fatal(err)
	}
	p, err := auth.Platform(o)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, auth: auth, td: p.NewTD(m)}
}

func (w *world) collateral(o tdx.CollateralOptions) *tdx.Collateral {
	w.t.Helper()
	c, err := w.td.Collateral(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) quote() (*quote.Quote, *quote.Platform) {
	w.t.Helper()
	if w.q != nil {
		return w.q, w.p
	}
	q, err := quote.Parse(w.td.Quote([64]byte{1}))
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := q.CheckSignature(w.auth.Pool(), at)
	if err != nil {
		w.t.Fatal(err)
	}
	w.q, w.p = q, p
	return q, p
}

// judge runs all of it.
func (w *world) judge(o tdx.CollateralOptions, at time.Time) (*collateral.TCB, error) {
	w.t.Helper()
	c, err := collateral.Parse(w.collateral(o).JSON())
	if err != nil {
		return nil, err
	}
	checked, err := c.Check(w.auth.Pool(), at)
	if err != nil {
		return nil, err
	}
	return checked.Appraise(w.quote())
}

// library is go-tdx-guest with everything on.
func (w *world) library(answers trust.HTTPSGetter, at time.Time) error {
	return library(w.td.Quote([64]byte{1}), w.auth.Pool(), answers, at)
}

func library(raw []byte, roots *x509.CertPool, answers trust.HTTPSGetter, at time.Time) error {
	q, err := abi.QuoteToProto(raw)
	if err != nil {
		return err
	}
	return verify.TdxQuoteContext(context.Background(), q, &verify.Options{
		CheckRevocations: true, GetCollateral: true, Getter: answers, TrustedRoots: roots,
		Now: &verify.TimeSet{PckCertChain: at, TcbInfo: at, QeIdentity: at, RootCaCrl: at, PckCrl: at},
	})
}

func tdx10() tdx.Measurements {
	m := tdx.Defaults()
	m.TeeTCBSVN = [16]byte{3, 0, 5}
	return m
}

func version5() tdx.Measurements {
	m := tdx.Defaults()
	m.Version = 5
	return m
}

func pemOf(certs ...*x509.Certificate) (out []byte) {
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}
