package verify

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/policy"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// TDEndorsements are what is believed about trust domains. The zero value believes
// Intel's root, and has nothing to judge a platform's TCB by.
type TDEndorsements struct {
	// RootsUnsafe replaces Intel's root: a simulator's, whose keys anybody can have.
	RootsUnsafe *x509.CertPool
	// Collateral is what Intel says of platforms: TCB info, QE identity, revocations.
	Collateral collateral.Set
	// Policy is what is accepted of a TD; nil: DefaultTDPolicy.
	Policy *policy.Policy
}

// DefaultTDPolicy refuses debug TDs and attributes that have no place in one, wants a
// platform that Intel calls current, and does not ask which image runs: measurements are
// for whoever knows the image.
func DefaultTDPolicy() policy.Policy {
	ignore := policy.Values{Ignore: true}
	return policy.Policy{MRTD: ignore, RTMR: [4]policy.Values{ignore, ignore, ignore, ignore}, MRSEAM: ignore, MRCONFIGID: ignore, MROWNER: ignore,
		MROWNERCONFIG: ignore, MRSERVICETD: policy.Values{Any: policy.Zero.Any, Absent: true}, Attributes: policy.DefaultAttributes, XFAM: policy.Bits{Ignore: true},
		TCB:       policy.TCB{Accept: []collateral.Status{collateral.UpToDate, collateral.SWHardeningNeeded}, AnyAdvisory: true, AnyEvaluation: true},
		Platforms: policy.Platforms{Ignore: true}}
}

func (e *TDEndorsements) roots() (*x509.CertPool, error) {
	if e.RootsUnsafe != nil {
		return e.RootsUnsafe, nil
	}
	return quote.IntelRoots()
}

func (e *TDEndorsements) accepts() *policy.Policy {
	if e.Policy != nil {
		return e.Policy
	}
	p := DefaultTDPolicy()
	return &p
}

// trustDomain is a TD whose quote is authentic.
type trustDomain struct {
	quote    *quote.Quote
	platform *quote.Platform
}

// tdQuoted checks the TD quote, if the evidence has one: that the platform's maker
// vouches for who signed it, and that it is about this binding.
func (a *authentication) tdQuoted() {
	raw, ok := a.roots[attest.KindTDX]
	if !ok {
		return
	}
	var b []byte
	if err := attest.Unmarshal(raw, &b, attest.MaxEvidenceSize); err != nil {
		a.findings.bad("tdx.quote.malformed", "TD quote", Asserted, "a byte string", err)
		return
	}
	q, err := quote.Parse(b)
	if err == nil && !bytes.Equal(q.Canonical(), b) {
		err = errors.New("bytes behind the quote") // one quote has one digest
	}
	if err != nil {
		a.findings.bad("tdx.quote.malformed", "TD quote", Asserted, "a canonical quote of version 4 or 5", err)
		return
	}
	platform, err := q.CheckSignature(a.tdRoots, a.options.At)
	unjudged := errors.Is(err, quote.ErrUnsupported) || errors.Is(err, quote.ErrValidity)
	if err != nil && !unjudged {
		a.findings.bad("tdx.quote.signature", "TD quote signature", Asserted, "signed by a platform that the processor's maker certified", err)
		return
	}
	want := attest.TDXReportData(attest.Binding(a.bound.Root, a.key, a.evidence.Bound), a.localAK(), attest.Digest{})
	if q.Body.ReportData != want {
		a.findings.bad("tdx.quote.binding", "report data", Asserted, hex.EncodeToString(want[:8])+"…", hex.EncodeToString(q.Body.ReportData[:8])+"…")
		return
	}
	a.tdDigest = sha256.Sum256(b)
	if unjudged {
		a.tdUnjudged = err
		a.findings.unknown("tdx.quote.not_evaluable", "TD quote signature", Asserted, "certificates that this version follows, valid at "+a.options.At.UTC().Format(time.RFC3339), err)
		return
	}
	if !a.tdEnrolled(platform) {
		return
	}
	a.td = &trustDomain{q, platform}
	a.findings.good("tdx.quote.ok", "TD quote", a.tdAssurance(), fmt.Sprintf("version %d, platform %x", q.Version, platform.PPIDHash[:4]))
}

// localAK is the digest of the Name of the attestation key that the evidence states, zero
// where it states none. What it is worth is for the TPM's own steps.
func (a *authentication) localAK() attest.Digest {
	body, ok := a.bound.Submods[attest.KindTPM]
	if !ok {
		return attest.Digest{}
	}
	claims, err := tpm.Parse(body)
	if err != nil {
		return attest.Digest{}
	}
	ak, err := tpm.ParseAK(claims.AK)
	if err != nil {
		return attest.Digest{}
	}
	return attest.NameDigest(ak.Name())
}

// tdEnrolled holds the platform against the node record.
func (a *authentication) tdEnrolled(p *quote.Platform) bool {
	if a.node == nil || a.node.TD == nil {
		return true
	}
	if a.node.TD.PPID != p.PPIDHash {
		a.findings.bad("tdx.platform.foreign", "platform = node record", Asserted, a.node.TD.PPID.Short(), attest.Digest(p.PPIDHash).Short())
		return false
	}
	return true
}

// tdRoot reports whether the TD is the enrolled root: by a platform that was pinned, whose node key it names. Anybody can make
// a simulator's quote with a genuine platform's PPID, so it is no root of a node that was enrolled by Intel's.
func (a *Authenticated) tdRoot() bool {
	return a.td != nil && a.node != nil && a.node.TD != nil && a.tdAssurance() == Hardware
}

// tdAssurance is what the TD quote's statements are worth: a genuine one is the
// hardware's word for what stands in it, whoever enrolled the node.
func (a *Authenticated) tdAssurance() Assurance {
	if a.demoTD && (a.node == nil || a.node.Trust != attest.TrustDemo) {
		return Asserted
	}
	return Hardware
}
