package collateral

import (
	"crypto/x509"
	"sync"
	"time"
)

// MaxMemo bounds what a Memo keeps, elements: FMSPCs are few.
const MaxMemo = 64

// Memo remembers successful checks by exact bytes and roots. The zero value is ready; it may be shared.
//
// Signatures do not age and are not verified again; what ages is kept as windows and held against the time of every
// call. At the first end of a window, as before the last beginning, the check is done anew.
type Memo struct {
	mu   sync.Mutex
	kept map[[32]byte]memoised
}

type memoised struct {
	roots   *x509.CertPool
	checked *Checked
}

// Check is Collateral.Check, done once.
func (m *Memo) Check(c *Collateral, roots *x509.CertPool, at time.Time) (*Checked, error) {
	if roots == nil || at.IsZero() {
		return c.Check(roots, at)
	}
	m.mu.Lock()
	k, ok := m.kept[c.digest]
	m.mu.Unlock()
	if ok && k.roots.Equal(roots) && k.checked.fresh(at) {
		return k.checked.At(at), nil
	}
	checked, err := c.Check(roots, at)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil || len(m.kept) >= MaxMemo {
		m.kept = map[[32]byte]memoised{} // whoever hands in that many throws his own work away
	}
	m.kept[c.digest] = memoised{roots.Clone(), checked}
	return checked, nil
}

func (k *Checked) fresh(at time.Time) bool {
	for _, w := range k.windows {
		if !w.covers(at) {
			return false
		}
	}
	return true
}
