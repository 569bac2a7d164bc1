package enroll

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// ErrRevoked says that a certificate of the chain stands on its issuer's revocation list.
var ErrRevoked = errors.New("revoked by its issuer")

// sift drops the chains in which a certificate is revoked and says what was not checked in those that stay. Without a
// list of the issuer revocation is unknown, which is said and held against nobody: most makers publish none.
// A certificate on a list counts as revoked from ever, also on a list that has expired: a key that was taken was taken.
func (r *Roots) sift(chains [][]*x509.Certificate, at time.Time) (good [][]*x509.Certificate, unchecked []error, err error) {
	for _, chain := range chains {
		notes, bad := r.standing(chain, at)
		if bad != nil {
			err = bad
			continue
		}
		if good = append(good, chain); len(good) == 1 || len(notes) < len(unchecked) {
			unchecked = notes
		}
	}
	if len(good) == 0 {
		return nil, nil, err
	}
	return good, unchecked, nil
}

// standing looks each certificate up in the lists of its issuer; the root answers to nobody.
func (r *Roots) standing(chain []*x509.Certificate, at time.Time) (unchecked []error, revoked error) {
	for i, c := range chain[:len(chain)-1] {
		note, err := r.lookUp(c, chain[i+1], at)
		if err != nil {
			return nil, err
		}
		if note != nil {
			unchecked = append(unchecked, fmt.Errorf("revocation of %s not checked: %w", who(c), note))
		}
	}
	return unchecked, nil
}

// lookUp gives an error if the certificate is revoked, and a note if no list in force says that it is not.
func (r *Roots) lookUp(c, issuer *x509.Certificate, at time.Time) (note, revoked error) {
	note = errors.New("no list by its issuer" + published(c))
	for _, l := range r.lists {
		if !bytes.Equal(l.RawIssuer, issuer.RawSubject) || !l.covers(c) {
			continue
		}
		if err := l.CheckSignatureFrom(issuer); err != nil {
			if note != nil {
				note = fmt.Errorf("the list of %s is not signed by it: %w", who(issuer), err)
			}
			continue
		}
		if e := l.entry(c.SerialNumber); e != nil {
			return nil, fmt.Errorf("%w: %s, on %s, reason %d (RFC 5280 section 5.3.1)", ErrRevoked, who(c), day(e.RevocationTime), e.ReasonCode)
		}
		switch {
		case at.Before(l.ThisUpdate):
			note = notInForce(note, "the list of %s begins on %s", issuer, l.ThisUpdate)
		case !l.NextUpdate.IsZero() && at.After(l.NextUpdate):
			note = notInForce(note, "the list of %s expired on %s: fetch the new one", issuer, l.NextUpdate)
		default:
			note = nil
		}
	}
	return note, nil
}

// notInForce notes that a list does not speak for this time, unless another one already has.
func notInForce(note error, format string, issuer *x509.Certificate, t time.Time) error {
	if note == nil {
		return nil
	}
	return fmt.Errorf(format, who(issuer), day(t))
}

func (l *list) entry(serial *big.Int) *x509.RevocationListEntry {
	for i, e := range l.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(serial) == 0 {
			return &l.RevokedCertificateEntries[i]
		}
	}
	return nil
}

// who names a certificate: endorsement certificates often have no subject.
func who(c *x509.Certificate) string {
	if c.Subject.CommonName == "" {
		return fmt.Sprintf("certificate %x", c.SerialNumber)
	}
	return fmt.Sprintf("%.80q", c.Subject.CommonName)
}

// published says where the certificate itself sends its reader; the text is the certifier's.
func published(c *x509.Certificate) string {
	if len(c.CRLDistributionPoints) == 0 {
		return ", and the certificate names none"
	}
	return fmt.Sprintf(": fetch %.200q into --ek-crls", strings.Join(c.CRLDistributionPoints, " "))
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
