package verify

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/hallmark-attest/hallmark/attest/tdx"
	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// tdState is what is known of the trust domain.
type tdState struct {
	claims   *tdx.Claims
	tcb      *collateral.TCB
	current  bool // the platform is one that the policy accepts
	firmware bool // so is the TD, and the policy names its firmware
	image    bool // and all that it booted
	replays  bool // the firmware's event log replays to the quoted RTMRs
}

// tdx reads the TD's claims. What the hardware says stands in the quote; it is judged here.
func (ap *Appraised) tdx(_ *References, body []byte) (uint64, error) {
	c, err := tdx.Parse(body)
	if err != nil {
		return 0, err
	}
	ap.td.claims = c
	if ap.auth.td != nil {
		ap.tdTCB()
		ap.tdPolicy()
	}
	return c.ObtainedAt, nil
}

// tdTCB says how current the platform is: the second of three results, after the
// signature and before the policy.
func (ap *Appraised) tdTCB() {
	a := ap.auth
	const check = "TCB status"
	by := a.tdAssurance()
	p := a.td.platform
	c := a.tdEndorse.Collateral.For(p.FMSPC, p.CA.Subject.CommonName, a.options.At)
	if c == nil {
		ap.findings.unknown("tdx.tcb.not_evaluable", check, by, fmt.Sprintf("collateral for FMSPC %x (--collateral)", p.FMSPC), "none")
		return
	}
	checked, err := a.memo.Check(c, a.tdRoots, a.options.At)
	if err != nil {
		ap.findings.unknown("tdx.tcb.not_evaluable", check, by, "collateral by the processor's maker", err.Error())
		return
	}
	if ap.td.tcb, err = checked.Appraise(a.td.quote, p); err != nil {
		ap.findings.unknown("tdx.tcb.not_evaluable", check, by, "collateral of this platform", err.Error())
		return
	}
	t := ap.td.tcb
	ap.td.current = true
	for _, r := range a.tdEndorse.accepts().Status(t, a.options.At) {
		ap.td.current = false
		id := "tdx.tcb.status"
		switch {
		case r.ID == "tdx.policy.stale", r.ID == "tdx.policy.evaluation": // the collateral's fault, not the platform's
			id = "tdx.collateral.stale"
		case t.Status == collateral.Revoked || t.Status == collateral.Foreign:
			ap.findings.bad("tdx.tcb.revoked", r.Check, by, r.Expected, r.Seen)
			continue
		}
		ap.findings.warn(id, r.Check, by, r.Expected, r.Seen)
	}
	if ap.td.current {
		ap.findings.good("tdx.tcb.ok", check, by, describeTCB(t))
	}
}

func describeTCB(t *collateral.TCB) string {
	s := fmt.Sprintf("%s as of %s, evaluation %d", t.Status, t.MinDate.UTC().Format("2006-01-02"), t.EvaluationNumber)
	if len(t.Advisories) > 0 {
		s += ", " + strings.Join(t.Advisories, " ")
	}
	if t.RelaunchAdvised {
		s += "; the TD should be launched anew"
	}
	return s
}

// tdPolicy holds the TD against what the validator accepts: the third result.
func (ap *Appraised) tdPolicy() {
	a := ap.auth
	p, by := a.tdEndorse.accepts(), a.tdAssurance()
	ok := true
	for _, r := range append(p.TD(a.td.quote), p.Platform(a.td.platform)...) {
		ok = false
		if r.ID == "tdx.policy.debug" {
			ap.findings.bad("tdx.debug", r.Check, by, r.Expected, r.Seen)
			continue
		}
		ap.findings.warn("tdx.policy", r.Check, by, r.Expected, r.Seen)
	}
	if !ok {
		ap.td.current = false
		return
	}
	b := &a.td.quote.Body
	ap.td.firmware = !p.MRTD.Ignore
	ap.td.image = ap.td.firmware && !p.RTMR[0].Ignore && !p.RTMR[1].Ignore && !p.RTMR[2].Ignore
	seen := fmt.Sprintf("MRTD %s…, attributes %s", hex.EncodeToString(b.MRTD[:8]), b.Attributes)
	if !ap.td.firmware {
		seen += "; the policy asks for no image"
	}
	ap.findings.good("tdx.policy.ok", "TD policy", by, seen)
}

// tdFacts are the quote's own statements, for the result.
func (ap *Appraised) tdFacts() map[string]any {
	p := ap.auth.td.platform
	out := tdFacts(ap.auth.td.quote)
	out["fmspc"], out["platform"] = hex.EncodeToString(p.FMSPC[:]), hex.EncodeToString(p.PPIDHash[:])
	if t := ap.td.tcb; t != nil {
		out["tcb_status"], out["tcb_date"], out["advisories"] = string(t.Status), t.MinDate.UTC().Format("2006-01-02"), t.Advisories
	}
	return out
}

// tdAccepted reports whether the TD is the enrolled root, on a platform and with attributes that the policy accepts.
func (ap *Appraised) tdAccepted() bool { return ap.auth.tdRoot() && ap.td.current }

// tdFacts are what a quote states, checked or not.
func tdFacts(q *quote.Quote) map[string]any {
	b := &q.Body
	out := map[string]any{"version": q.Version, "mrtd": hex.EncodeToString(b.MRTD[:]), "mrseam": hex.EncodeToString(b.MRSEAM[:]),
		"mrconfigid": hex.EncodeToString(b.MRCONFIGID[:]), "mrowner": hex.EncodeToString(b.MROWNER[:]), "mrownerconfig": hex.EncodeToString(b.MROWNERCONFIG[:]),
		"attributes": b.Attributes.String(), "xfam": fmt.Sprintf("%#x", b.XFAM), "tee_tcb_svn": hex.EncodeToString(b.TeeTCBSVN[:]),
		"report_data": hex.EncodeToString(b.ReportData[:])}
	for i, r := range b.RTMR {
		out[fmt.Sprintf("rtmr%d", i)] = hex.EncodeToString(r[:])
	}
	return out
}
