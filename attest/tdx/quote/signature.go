package quote

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-tdx-guest/abi"
	"github.com/google/go-tdx-guest/verify"
)

// CheckSignature verifies the PCK chain up to roots at a time, the signature over the quote, that over the QE report,
// and that the report names the key; and says which platform signed. CRLs and TCB status are package collateral's. A certificate
// outside of its time is judged at the nearest moment inside and is ErrValidity: expired is not forged, nor is a slow clock.
//
// The library verifies seven P-256 signatures where four would do (it checks the root against itself and the chain twice): 0.4 ms
// more. We pay that for signature code with more readers than ours. It runs without its collateral mode, so none of D1, D2 and D6 is reachable.
func (q *Quote) CheckSignature(roots *x509.CertPool, at time.Time) (*Platform, error) {
	switch {
	case roots == nil:
		return nil, errors.New("tdx quote: no roots") // the library would take its own, and say so on stderr
	case at.IsZero():
		return nil, errors.New("tdx quote: no time") // crypto/x509 would take the clock's
	}
	// The chain first: it is ours to read strictly, and a chain that cannot be read is not worth seven signatures.
	certs, err := chain(q.parts.chain)
	if err != nil {
		return nil, fmt.Errorf("tdx quote: chain: %w", err)
	}
	if certs[1].Subject.CommonName == processorCA {
		return nil, fmt.Errorf("tdx quote: PCK certificate by %q: %w", processorCA, ErrUnsupported)
	}
	platform, err := platformOf(certs[0], certs[1])
	if err != nil {
		return nil, fmt.Errorf("tdx quote: PCK certificate: %w", err)
	}
	from, to := lifetime(certs)
	nearest := at
	if at.Before(from) {
		nearest = from
	} else if at.After(to) {
		nearest = to
	}
	if err := guard(func() error { return q.library(roots, nearest) }); err != nil {
		return nil, fmt.Errorf("tdx quote: %w", err)
	}
	if !nearest.Equal(at) {
		return nil, fmt.Errorf("tdx quote: its certificates are valid from %s to %s: %w", from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), ErrValidity)
	}
	platform.of = q
	return platform, nil
}

// lifetime is when both certificates are valid.
func lifetime(certs [2]*x509.Certificate) (from, to time.Time) {
	from, to = certs[0].NotBefore, certs[0].NotAfter
	if certs[1].NotBefore.After(from) {
		from = certs[1].NotBefore
	}
	if certs[1].NotAfter.Before(to) {
		to = certs[1].NotAfter
	}
	return from, to
}

// processorCA certifies single-socket client machines; we know of none with TDX. The library compares the names of its
// chain literally and would call the signature bad (D10), which is another statement than "not known to us".
const processorCA = "Intel SGX PCK Processor CA"

// library is all that go-tdx-guest does for us.
func (q *Quote) library(roots *x509.CertPool, at time.Time) error {
	// Parsed anew on every call: its verification writes into what it parsed (append to a slice of it).
	read, err := abi.QuoteToProto(bytes.Clone(q.raw))
	if err != nil {
		return fmt.Errorf("%w: %w", err, ErrMalformed)
	}
	again, err := abi.QuoteToAbiBytes(read)
	if err != nil || !bytes.Equal(again, q.raw) {
		return fmt.Errorf("read otherwise by the library (%v): %w", err, ErrMalformed)
	}
	// A fresh Options: it keeps chain and collateral of the verification inside (D9). All five times: a zero one switches a check off (D6).
	if err := verify.TdxQuote(read, &verify.Options{TrustedRoots: roots,
		Now: &verify.TimeSet{PckCertChain: at, TcbInfo: at, QeIdentity: at, PckCrl: at, RootCaCrl: at}}); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

// guard turns a panic of the library into a refusal: it has had them on bytes a stranger sends (D3), and walk knows only those we found.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the library panics (%v): %w", r, ErrMalformed)
		}
	}()
	return f()
}
