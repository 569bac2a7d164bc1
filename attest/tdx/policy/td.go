package policy

import (
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// Reason is one demand that is not met.
type Reason struct {
	ID       string // stable: "tdx.policy.mrtd"
	Check    string // for people: "MRTD"
	Expected string
	Seen     string
}

type measured struct {
	id, name string
	want     Values
	have     quote.Measurement
	shown    bool
}

// measurements lists all of them, with the values of a body where there is one.
func (p *Policy) measurements(b *quote.Body) []measured {
	if b == nil {
		b = &quote.Body{}
	}
	out := []measured{
		{"mrtd", "MRTD", p.MRTD, b.MRTD, true},
		{"mrseam", "MRSEAM", p.MRSEAM, b.MRSEAM, true},
		{"mrconfigid", "MRCONFIGID", p.MRCONFIGID, b.MRCONFIGID, true},
		{"mrowner", "MROWNER", p.MROWNER, b.MROWNER, true},
		{"mrownerconfig", "MROWNERCONFIG", p.MROWNERCONFIG, b.MROWNERCONFIG, true},
		{"mrservicetd", "MRSERVICETD", p.MRSERVICETD, b.MRSERVICETD, b.HasTDX15},
	}
	for i := range p.RTMR {
		out = append(out, measured{fmt.Sprintf("rtmr%d", i), fmt.Sprintf("RTMR%d", i), p.RTMR[i], b.RTMR[i], true})
	}
	return out
}

// TD holds the quote's TD against the policy; both versions alike. Empty: accepted. A policy that leaves a question open accepts nothing.
func (p *Policy) TD(q *quote.Quote) []Reason {
	if err := p.Check(); err != nil {
		return []Reason{incomplete(err)}
	}
	var out []Reason
	b := &q.Body
	// Intel's library specification, "TD attributes": with any bit of TUD the TD is under debug and not trusted.
	if b.Attributes&quote.UnderDebug != 0 {
		out = append(out, Reason{"tdx.policy.debug", "debug", "off", b.Attributes.String()})
	}
	attributes := p.Attributes
	if !attributes.hold(uint64(b.Attributes &^ quote.UnderDebug)) {
		out = append(out, Reason{"tdx.policy.attributes", "TD attributes",
			fmt.Sprintf("%s, perhaps %s", quote.Attributes(attributes.Must), quote.Attributes(attributes.May)), b.Attributes.String()})
	}
	if !p.XFAM.hold(b.XFAM) {
		out = append(out, Reason{"tdx.policy.xfam", "XFAM", fmt.Sprintf("%#x, perhaps %#x", p.XFAM.Must, p.XFAM.May), fmt.Sprintf("%#x", b.XFAM)})
	}
	for _, m := range p.measurements(b) {
		if seen := m.seen(); seen != "" {
			out = append(out, Reason{"tdx.policy." + m.id, m.name, m.want.String(), seen})
		}
	}
	return out
}

func incomplete(err error) Reason {
	return Reason{"tdx.policy.incomplete", "policy", "an answer to every question", err.Error()}
}

func (b Bits) hold(have uint64) bool {
	return b.Ignore || have&b.Must == b.Must && have&^(b.Must|b.May) == 0
}

// seen is what was found instead, "" where it is accepted.
func (m *measured) seen() string {
	switch {
	case m.want.Ignore:
		return ""
	case !m.shown && m.want.Absent:
		return ""
	case !m.shown:
		return "not shown by this version of the quote"
	case slices.Contains(m.want.Any, m.have):
		return ""
	}
	return hex.EncodeToString(m.have[:])
}

func (v Values) String() string {
	s := "one of"
	for i, m := range v.Any {
		if i == 4 {
			return s + fmt.Sprintf(" and %d more", len(v.Any)-4)
		}
		s += " " + hex.EncodeToString(m[:8]) + "…"
	}
	return s
}
