package enroll

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits on revocation lists. Vendors' lists of endorsement issuers have some kilobytes.
const (
	MaxCRLFileSize = 8 << 20
	MaxCRLs        = 1024
)

// list is a revocation list (RFC 5280 section 5) whose form was checked and whose signature was not: that needs an issuer.
type list struct {
	*x509.RevocationList
	scope scope
}

var (
	oidDelta             = asn1.ObjectIdentifier{2, 5, 29, 27} // deltaCRLIndicator
	oidDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28} // issuingDistributionPoint
)

// scope is IssuingDistributionPoint (RFC 5280 section 5.2.5): which certificates a list speaks about.
type scope struct {
	Point struct {
		FullName []asn1.RawValue `asn1:"optional,tag:0"`
	} `asn1:"optional,tag:0"`
	OnlyUser      bool           `asn1:"optional,tag:1"`
	OnlyCA        bool           `asn1:"optional,tag:2"`
	OnlyReasons   asn1.BitString `asn1:"optional,tag:3"`
	Indirect      bool           `asn1:"optional,tag:4"`
	OnlyAttribute bool           `asn1:"optional,tag:5"`
}

// parseCRL reads a list. Go's parser leaves the extensions unread, so a list whose meaning they change and that we do
// not understand is refused: taken as complete, a delta list would show a revoked certificate as good.
func parseCRL(der []byte) (*list, error) {
	c, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, err
	}
	l := &list{RevocationList: c}
	for _, e := range c.Extensions {
		switch {
		case e.Id.Equal(oidDelta):
			return nil, errors.New("a delta list: give the complete one")
		case e.Id.Equal(oidDistributionPoint):
			if err := all(e.Value, &l.scope); err != nil {
				return nil, fmt.Errorf("issuing distribution point: %w", err)
			}
		case e.Critical:
			return nil, fmt.Errorf("unknown critical extension %s", e.Id)
		}
	}
	if s := l.scope; s.Indirect || s.OnlyAttribute || s.OnlyReasons.BitLength > 0 {
		return nil, errors.New("an indirect list, or one for attribute certificates or some reasons only")
	}
	return l, nil
}

// covers reports whether the list would name the certificate if it were revoked.
func (l *list) covers(c *x509.Certificate) bool {
	if l.scope.OnlyUser && c.IsCA || l.scope.OnlyCA && !c.IsCA {
		return false
	}
	uris := l.scope.uris()
	if len(uris) == 0 || len(c.CRLDistributionPoints) == 0 {
		return true
	}
	return slices.ContainsFunc(uris, func(u string) bool { return slices.Contains(c.CRLDistributionPoints, u) })
}

func (s scope) uris() []string {
	const uri = 6 // GeneralName's tag
	var out []string
	for _, n := range s.Point.FullName {
		if n.Class == asn1.ClassContextSpecific && n.Tag == uri {
			out = append(out, string(n.Bytes))
		}
	}
	return out
}

// addCRL keeps a list. One that cannot be used is skipped and said: the certificates of its issuer then count as not checked.
func (r *Roots) addCRL(name string, der []byte) error {
	if len(r.lists) == MaxCRLs {
		return fmt.Errorf("%s: more than %d revocation lists", name, MaxCRLs)
	}
	l, err := parseCRL(der)
	if err != nil {
		r.Skipped = append(r.Skipped, fmt.Errorf("%s: revocation list: %w", name, err))
		return nil
	}
	r.lists = append(r.lists, l)
	return nil
}

func isCRL(name string) bool { return strings.EqualFold(extension(name), ".crl") }
