package policy

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// Values says what a measurement may be.
type Values struct {
	Ignore bool                // not checked; said aloud, and alone
	Any    []quote.Measurement // one of these
	// Absent also accepts a quote that cannot show it: MRSERVICETD in version 4. Absent is not zero.
	Absent bool
}

// Zero accepts the zero measurement alone.
var Zero = Values{Any: []quote.Measurement{{}}}

// Bits says what a set of bits may be.
type Bits struct {
	Ignore bool
	Must   uint64 // all of these
	May    uint64 // and any of these, no others
}

// Policy is what a verifier accepts of a TD and its platform.
type Policy struct {
	MRTD          Values
	RTMR          [4]Values
	MRSEAM        Values
	MRCONFIGID    Values
	MROWNER       Values
	MROWNERCONFIG Values
	MRSERVICETD   Values

	// Attributes of the TD. The bits of debugging are refused whatever stands here.
	Attributes Bits
	XFAM       Bits

	TCB       TCB
	Platforms Platforms
}

// TCB says which platforms are current enough.
type TCB struct {
	Accept []collateral.Status // never empty, never Revoked or Foreign, after which nothing that was signed shows anything
	// Advisories are those that a platform of any status may have; AnyAdvisory does not ask.
	Advisories  []string
	AnyAdvisory bool
	// MinEvaluation refuses older collateral while it has not expired (a replay of last month's). 0 must be said with AnyEvaluation.
	MinEvaluation uint32
	AnyEvaluation bool
	// Grace accepts OutOfDate and OutOfDateConfigurationNeeded for so long after the tcbDate of the newest level the platform has.
	Grace time.Duration
	// AcceptStale accepts collateral so long behind its end. It is never accepted before its beginning.
	AcceptStale time.Duration
}

// Platforms is the register of known machines, by quote.PPIDHash. After TEE.fail (an interposer on the memory bus of a machine in its owner's
// hands yields the PCK's secrets) a valid quote shows a genuine machine, not whose hands it is in; a list of machines seen in places one trusts does.
type Platforms struct {
	Ignore bool
	Known  map[[32]byte]string // name of each
}

// DefaultAttributes are what a TD should have: SEPT_VE_DISABLE, and none of migration, performance counters or bits without a name.
var DefaultAttributes = Bits{Must: uint64(quote.SEPTVEDisable), May: uint64(quote.PKS | quote.KeyLocker | quote.LASS)}

// Check says whether the policy answers every question.
func (p *Policy) Check() error {
	var errs []error
	for _, f := range p.measurements(nil) {
		if v := f.want; v.Ignore == (len(v.Any) > 0) {
			errs = append(errs, fmt.Errorf("%s: give values or ignore, one of them", f.name))
		}
	}
	for name, b := range map[string]Bits{"attributes": p.Attributes, "XFAM": p.XFAM} {
		if b.Ignore == (b.Must|b.May != 0) {
			errs = append(errs, fmt.Errorf("%s: give bits or ignore, one of them", name))
		}
	}
	if p.Attributes.Ignore {
		errs = append(errs, errors.New("attributes: cannot be ignored"))
	}
	t := &p.TCB
	for _, s := range t.Accept {
		if s == collateral.Revoked || s == collateral.Foreign || !slices.Contains(collateral.Statuses, s) {
			errs = append(errs, fmt.Errorf("TCB status %q cannot be accepted", s))
		}
	}
	if len(t.Accept) == 0 {
		errs = append(errs, errors.New("TCB: no status is accepted"))
	}
	if t.AnyEvaluation == (t.MinEvaluation > 0) {
		errs = append(errs, errors.New("TCB evaluation number: give the least or any, one of them"))
	}
	if t.AnyAdvisory && len(t.Advisories) > 0 || t.Grace < 0 || t.AcceptStale < 0 {
		errs = append(errs, errors.New("TCB: advisories both listed and any, or a time below zero"))
	}
	if p.Platforms.Ignore == (len(p.Platforms.Known) > 0) {
		errs = append(errs, errors.New("platforms: give some or ignore, one of them"))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("tdx policy: %w", err)
	}
	return nil
}
