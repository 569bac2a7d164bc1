package collateral

import (
	"fmt"
	"strings"
)

// need gives the first condition that does not hold, by name.
func need(pairs ...any) error {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != true {
			return fmt.Errorf("%s: %w", pairs[i], ErrMalformed)
		}
	}
	return nil
}

func (t *tcbInfo) check() error {
	err := need("id", t.ID == "TDX", "version", t.Version == 3, "tcbType", t.Type != nil && *t.Type == 0, "fmspc", len(t.FMSPC) == 6,
		"pceId", len(t.PCEID) == 2, "window", t.Issued.Before(t.Next), "tdxModule", t.Module.sized(),
		"tdxModuleIdentities", len(t.Modules) <= maxModules, "tcbLevels", between(len(t.Levels), 1, maxLevels))
	ids := map[string]bool{}
	for i := 0; err == nil && i < len(t.Modules); i++ {
		m := &t.Modules[i]
		err = need("module "+clip(m.ID), m.sized() && !ids[strings.ToLower(m.ID)])
		ids[strings.ToLower(m.ID)] = true
		if err == nil {
			err = checkLevels(m.Levels, true, svn.whole)
		}
	}
	if err == nil {
		err = checkLevels(t.Levels, false, platformSVNs.whole)
	}
	return err
}

func (q *qeIdentity) check() error {
	err := need("id", q.ID == "TD_QE", "version", q.Version == 2, "window", q.Issued.Before(q.Next), "mrsigner", len(q.MRSigner) == 32,
		"miscselect", len(q.MiscSelect) == 4 && len(q.MiscSelectMask) == 4, "attributes", len(q.Attributes) == 16 && len(q.AttributesMask) == 16,
		"isvprodid", q.ProdID != nil)
	if err == nil {
		err = checkLevels(q.Levels, true, svn.whole)
	}
	return err
}

func (m *module) sized() bool {
	return len(m.MRSigner) == 48 && len(m.Attributes) == 8 && len(m.AttributesMask) == 8
}

// checkLevels: modules and QE know three statuses, so that Intel's rule of convergence, which speaks of those alone, is complete.
func checkLevels[T any](levels []level[T], three bool, whole func(T) bool) error {
	if !between(len(levels), 1, maxLevels) {
		return fmt.Errorf("%d levels: %w", len(levels), ErrMalformed)
	}
	for i := range levels {
		l := &levels[i]
		known := l.Status.known() && (!three || l.Status == UpToDate || l.Status == OutOfDate || l.Status == Revoked)
		if !known || l.Date.IsZero() || len(l.Advisories) > maxAdvisories || !whole(l.TCB) {
			return fmt.Errorf("level %d (%s): %w", i, clip(string(l.Status)), ErrMalformed)
		}
		for _, a := range l.Advisories {
			if a != clip(a) || a == "" {
				return fmt.Errorf("level %d: advisory: %w", i, ErrMalformed)
			}
		}
	}
	return nil
}

func (s svn) whole() bool { return s.ISVSVN != nil }

func (s platformSVNs) whole() bool {
	for _, list := range [][]component{s.SGX, s.TDX} {
		if len(list) != 16 {
			return false
		}
		for i := range list {
			if list[i].SVN == nil {
				return false
			}
		}
	}
	return s.PCESVN != nil
}

func between(n, low, high int) bool { return n >= low && n <= high }

// clip makes a short word of a string that goes into messages.
func clip(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, s[:min(len(s), 64)])
}
