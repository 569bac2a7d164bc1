package agent

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// rates is a bounded set of token buckets, one for each asker. Askers beyond
// the bound share one more bucket: a flood of addresses cannot grow memory.
type rates[K comparable] struct {
	limit rate.Limit
	burst int
	bound int

	mu     sync.Mutex
	bucket map[K]*rate.Limiter
	rest   *rate.Limiter
	swept  time.Time
}

func newRates[K comparable](perSecond float64, burst, bound int) *rates[K] {
	return &rates[K]{limit: rate.Limit(perSecond), burst: burst, bound: bound,
		bucket: map[K]*rate.Limiter{}, rest: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// take takes one token of k's bucket. Where there is none it says how long to
// wait. giveBack puts the token back, whatever others took meanwhile.
func (r *rates[K]) take(k K, now time.Time) (giveBack func(), wait time.Duration) {
	l := r.of(k, now)
	if !l.AllowN(now, 1) {
		missing := max(0, 1-l.TokensAt(now))
		return nil, max(time.Millisecond, time.Duration(missing/float64(r.limit)*float64(time.Second)))
	}
	// Less than no events are tokens put in. Reservation.CancelAt would keep a part of the token for each
	// later reservation: askers at the same time would lose tokens that nobody used.
	return func() { l.AllowN(now, -1) }, 0
}

func (r *rates[K]) of(k K, now time.Time) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.bucket[k]; l != nil {
		return l
	}
	if len(r.bucket) >= r.bound && now.Sub(r.swept) > time.Second {
		r.swept = now
		for k, l := range r.bucket {
			if l.TokensAt(now) >= float64(r.burst) { // full again: forgetting it changes nothing
				delete(r.bucket, k)
			}
		}
	}
	if len(r.bucket) >= r.bound {
		return r.rest
	}
	l := rate.NewLimiter(r.limit, r.burst)
	r.bucket[k] = l
	return l
}

// addressOf is the asker's address for rate limits: IPv4 whole, IPv6 by its /64, which one customer usually holds.
func addressOf(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // never fails: bits fits the address
	return p
}
