package collateral

import (
	"crypto/x509"
	"time"
)

// Window is from when to when something may be judged by.
type Window struct {
	What     string
	From, To time.Time
}

func lifetime(what string, c *x509.Certificate) Window { return Window{what, c.NotBefore, c.NotAfter} }

// Expired says that at lies behind the window; without it a stale window has not begun.
func (w Window) Expired(at time.Time) bool { return at.After(w.To) }

func (w Window) covers(at time.Time) bool { return !at.Before(w.From) && !at.After(w.To) }

// window fills in when the collateral holds and what of it does not hold now.
func (k *Checked) window(t *TCB) {
	for _, w := range k.windows {
		if t.Issued.IsZero() || w.From.After(t.Issued) {
			t.Issued = w.From
		}
		if t.Next.IsZero() || w.To.Before(t.Next) {
			t.Next = w.To
		}
		if !w.covers(k.at) {
			t.Stale = append(t.Stale, w)
		}
	}
}

// At is the same collateral judged at another time.
func (k *Checked) At(at time.Time) *Checked {
	c := *k
	c.at = at
	return &c
}

// Expires is when the first part of it ends.
func (k *Checked) Expires() time.Time {
	var t TCB
	k.window(&t)
	return t.Next
}
