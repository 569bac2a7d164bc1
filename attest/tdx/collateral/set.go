package collateral

import (
	"crypto/sha256"
	"crypto/x509"
	"time"
)

// Set is collateral for several platforms.
type Set []*Collateral

// For gives the collateral of a platform and CA; nil: none. Of what is valid at a time, else of all, it has the latest TCB info
// and QE identity, and the latest CRLs of the same CA and root in the whole set: a revocation must not be missed because it
// came in another file than the TCB info.
func (s Set) For(fmspc [6]byte, ca string, at time.Time) *Collateral {
	var best *Collateral
	for _, c := range s {
		if c.FMSPC() == fmspc && c.CA() == ca && (best == nil || c.newer(best, at)) {
			best = c
		}
	}
	if best == nil {
		return nil
	}
	pck, root := best, best
	for _, c := range s {
		if !c.pckCA[len(c.pckCA)-1].Equal(best.pckCA[len(best.pckCA)-1]) {
			continue
		}
		if sameIssuer(c.pckCA[0], best.pckCA[0]) && newerList(c.pckCRL, pck.pckCRL, at) {
			pck = c
		}
		if newerList(c.rootCRL, root.rootCRL, at) {
			root = c
		}
	}
	return best.with(pck, root)
}

// newer says whether c is to be taken rather than d.
func (c *Collateral) newer(d *Collateral, at time.Time) bool {
	if now := c.current(at); now != d.current(at) {
		return now
	}
	if !c.info.Issued.Equal(d.info.Issued) {
		return c.info.Issued.After(d.info.Issued)
	}
	return c.qe.Issued.After(d.qe.Issued)
}

// current asks of the documents alone: CRLs are chosen by themselves.
func (c *Collateral) current(at time.Time) bool {
	return !at.Before(c.info.Issued) && !at.After(c.info.Next) && !at.Before(c.qe.Issued) && !at.After(c.qe.Next)
}

// newerList: one that is not issued yet at that time is no news.
func newerList(a, b *x509.RevocationList, at time.Time) bool {
	return a.ThisUpdate.After(b.ThisUpdate) && !a.ThisUpdate.After(at)
}

// with is c with the PCK CRL of one and the root CRL of another. It has a digest of its own, from those of all three.
func (c *Collateral) with(pck, root *Collateral) *Collateral {
	if pck == c && root == c {
		return c
	}
	out := *c
	out.pckCRL, out.pckCA, out.rootCRL = pck.pckCRL, pck.pckCA, root.rootCRL
	h := sha256.New()
	h.Write([]byte("hallmark/collateral/joined/1"))
	for _, d := range []*Collateral{c, pck, root} {
		h.Write(d.digest[:])
	}
	h.Sum(out.digest[:0])
	return &out
}
