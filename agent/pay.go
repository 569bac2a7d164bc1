package agent

import (
	"net/netip"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// What askers pay with. A request pays before it is looked at and is given the
// payment back when it turns out to be by a listed key, addressed to this node,
// alive and new; forgeries, strangers' requests and recorded ones that somebody
// sends again have paid.
const (
	// One key's enrolments: two requests enrol a node, and each may hold a slow TPM for seconds.
	activationsPerMinute = 6
	activationBurst      = 3
)

// asker is who pays before a signature in a listed key's name was checked: that
// name at that address. Strangers behind a validator's address (NAT) do not use
// up what the validator needs, and whoever forges in its name from elsewhere
// does not either. A forger behind its very address does, until the validator
// has been admitted once: its connection then pays for itself.
type asker struct {
	address    netip.Prefix
	key        attest.Digest
	connection uint64 // zero: none that this key was admitted on
}

// giveBack undoes all payments.
func (a *admission) giveBack() {
	for _, g := range a.giveBacks {
		g()
	}
	a.giveBacks = nil
}

// payAddress takes a token of the address. Without one the request is
// overdrawn: it is refused with what is returned here, unless it turns out to
// bear a listed key's name and to be new and for this node.
func (f *Frontend) payAddress(a *admission, now time.Time) (overdrawn error) {
	giveBack, wait := f.addresses.take(a.address, now)
	if wait > 0 {
		return &Refusal{Name: attest.ProblemRate, Detail: "too many requests that were not by a listed validator from this address", Retry: wait}
	}
	a.giveBacks = append(a.giveBacks, giveBack)
	return nil
}

// payKey takes a token of a listed key's name at this address, before its signature is checked.
func (f *Frontend) payKey(a *admission, connection uint64, now time.Time) error {
	giveBack, wait := f.askers.take(asker{a.address, a.key, connection}, now)
	if wait > 0 {
		return &Refusal{Name: attest.ProblemRate, Detail: "too many forged requests in this key's name from this address", Retry: wait}
	}
	a.giveBacks = append(a.giveBacks, giveBack)
	return nil
}

// takeUnlisted takes from the caps of an open agent: one per address, one for all.
func (f *Frontend) takeUnlisted(address netip.Prefix, now time.Time) error {
	giveBack, wait := f.unlisted.take(address, now)
	if wait > 0 {
		return &Refusal{Name: attest.ProblemRate, Detail: "too many challenges by unlisted keys from this address", Retry: wait}
	}
	if _, wait := f.unlistedAll.take(struct{}{}, now); wait > 0 {
		giveBack()
		return &Refusal{Name: attest.ProblemRate, Detail: "too many challenges by unlisted keys", Retry: wait}
	}
	return nil
}

// takeRates takes from the rates of a listed key's good requests.
func (f *Frontend) takeRates(a *admission, sort requestSort, now time.Time) (giveBack func(), err error) {
	if !a.listed {
		return func() {}, nil
	}
	back, wait := f.perKey.take(a.key, now)
	if wait > 0 {
		return nil, &Refusal{Name: attest.ProblemRate, Detail: "too many requests by this key: see validators.per_minute", Retry: wait}
	}
	if !sort.enrols {
		return back, nil
	}
	backToo, wait := f.activations.take(a.key, now)
	if wait > 0 {
		back()
		return nil, &Refusal{Name: attest.ProblemRate, Detail: "too many enrolment requests by this key", Retry: wait}
	}
	return func() { back(); backToo() }, nil
}
