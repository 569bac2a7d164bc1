package collateral

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// Appraise says how current the platform is that signed the quote: both come from one CheckSignature. An error says that the
// collateral is for other hardware: the platform was not judged.
func (k *Checked) Appraise(q *quote.Quote, p *quote.Platform) (*TCB, error) {
	if !q.SignedBy(p) {
		return nil, errors.New("tdx collateral: the platform is not the one that signed the quote")
	}
	info, qe := &k.c.info, &k.c.qe
	if !bytes.Equal(info.FMSPC, p.FMSPC[:]) || !bytes.Equal(info.PCEID, p.PCEID[:]) {
		return nil, fmt.Errorf("tdx collateral: TCB info of FMSPC %x, PCE %x; the quote is of %x, %x: %w", info.FMSPC, info.PCEID, p.FMSPC, p.PCEID, ErrForeign)
	}
	if !sameIssuer(k.ca, p.CA) {
		return nil, fmt.Errorf("tdx collateral: CRL of %q, the PCK is by %q (or another key of it): %w", k.ca.Subject.CommonName, p.CA.Subject.CommonName, ErrForeign)
	}
	t := &TCB{FMSPC: p.FMSPC, EvaluationNumber: min(info.Evaluation, qe.Evaluation)}
	k.window(t)
	s := svns{p, q.Body.TeeTCBSVN}
	var lacking []Lack
	t.Platform, lacking = info.platform(s)
	t.Lacking = append(t.Lacking, lacking...)
	t.Module, lacking = info.module(q, s.tee, t)
	t.Lacking = append(t.Lacking, lacking...)
	t.QE, lacking = qe.judge(&q.QE, t)
	t.Lacking = append(t.Lacking, lacking...)
	t.join()
	t.RelaunchAdvised = info.relaunch(q, p, t)
	k.certificates(p, t)
	return t, nil
}

// sameIssuer: by name and key, for a CA may get a new certificate.
func sameIssuer(a, b *x509.Certificate) bool {
	key, ok := a.PublicKey.(*ecdsa.PublicKey)
	return ok && key.Equal(b.PublicKey) && bytes.Equal(a.RawSubject, b.RawSubject)
}

// certificates: a revoked certificate outweighs any level, for who has that key signs any report.
func (k *Checked) certificates(p *quote.Platform, t *TCB) {
	if at, ok := k.revokedCA[p.CA.SerialNumber.String()]; ok {
		t.Why = fmt.Sprintf("the CA of the PCK was revoked at %s", at.UTC().Format("2006-01-02"))
	} else if at, ok := k.revokedPCK[p.PCK.SerialNumber.String()]; ok {
		t.Why = fmt.Sprintf("the PCK certificate was revoked at %s", at.UTC().Format("2006-01-02"))
	} else {
		return
	}
	if t.Status != Foreign {
		t.Status = Revoked
	}
}

// platform finds the first level whose numbers the platform has, all of them. On TDX 1.5 this level counts as on 1.0: the
// library at our pin drops it there (D1).
func (t *tcbInfo) platform(s svns) (Component, []Lack) {
	var nearest []Lack
	for i := range t.Levels {
		l := &t.Levels[i]
		lack := s.lacking(&l.TCB)
		if len(lack) > 0 {
			// Of what keeps it from the newest level, or, where none matches, from the one that asks least.
			if nearest == nil || len(lack) <= len(nearest) {
				nearest = lack
			}
			continue
		}
		first := s.lacking(&t.Levels[0].TCB)
		return Component{l.Status, l.Date, l.Advisories}, first
	}
	return Component{Status: Unrecognized}, nearest
}

// lacking compares by components, as Intel does: 16 of CPUSVN, PCESVN, and the TEE_TCB_SVN, whose first two bytes are the
// module's where it has an identity of its own.
func (s svns) lacking(want *platformSVNs) (out []Lack) {
	lack := func(what string, c component, have, want uint16) {
		if have < want {
			out = append(out, Lack{what, clipType(c), have, want})
		}
	}
	for i, c := range want.SGX {
		lack(fmt.Sprintf("CPUSVN %d", i), c, uint16(s.p.CPUSVN[i]), uint16(*c.SVN))
	}
	lack("PCESVN", component{}, s.p.PCESVN, *want.PCESVN)
	from := 0
	if s.tee[1] > 0 {
		from = 2
	}
	for i := from; i < 16; i++ {
		c := want.TDX[i]
		lack(fmt.Sprintf("TEE_TCB_SVN %d", i), c, uint16(s.tee[i]), uint16(*c.SVN))
	}
	return out
}

func clipType(c component) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, c.Type[:min(len(c.Type), 64)])
}

// relaunch says whether the TD would be judged better by what runs now.
func (t *tcbInfo) relaunch(q *quote.Quote, p *quote.Platform, was *TCB) bool {
	if !q.Body.HasTDX15 || q.Body.TeeTCBSVN2 == q.Body.TeeTCBSVN {
		return false
	}
	now := TCB{QE: was.QE}
	now.Platform, _ = t.platform(svns{p, q.Body.TeeTCBSVN2})
	now.Module, _ = t.module(q, q.Body.TeeTCBSVN2, &now)
	return rank(converge(now.Platform.Status, now.Module.Status)) < rank(converge(was.Platform.Status, was.Module.Status))
}

// rank orders from good to bad.
func rank(s Status) int {
	for i, k := range Statuses {
		if k == s {
			return i
		}
	}
	return len(Statuses)
}
