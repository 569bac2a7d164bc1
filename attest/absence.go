package attest

import (
	"fmt"
	"slices"
	"strings"
)

// Reason is why something is absent. The set is closed; the detail is for people.
type Reason string

const (
	NotAsked      Reason = "not-asked"      // outside the batch's cost class
	NotConfigured Reason = "not-configured" // the operator did not configure it
	NotBuilt      Reason = "not-built"      // this agent version cannot collect it
	NotPresent    Reason = "not-present"    // no such device, file, certificate or process
	NotSupported  Reason = "not-supported"  // the device or driver does not offer it
	NotPermitted  Reason = "not-permitted"  // present, and the agent may not read it
	NotLoaded     Reason = "not-loaded"     // library or driver not loaded
	NotYet        Reason = "not-yet"        // being measured in the background
	Timeout       Reason = "timeout"        // did not answer before its deadline
	Crashed       Reason = "crashed"        // the helper process died
	Failed        Reason = "failed"         // answered with an error
	Changed       Reason = "changed"        // changed while it was read
	Oversize      Reason = "oversize"       // over a limit
)

var reasons = map[Reason]bool{NotAsked: true, NotConfigured: true, NotBuilt: true, NotPresent: true,
	NotSupported: true, NotPermitted: true, NotLoaded: true, NotYet: true, Timeout: true, Crashed: true,
	Failed: true, Changed: true, Oversize: true}

// Known reports whether r is one of the reasons of this format version.
func (r Reason) Known() bool { return reasons[r] }

// Absence says that What could not be had and why. In evidence What is a kind;
// inside a kind's claims it is the field's path ("gpu[3].temperature_c").
// It is never an accusation: unknown is not guilty.
type Absence struct {
	_      struct{} `cbor:",toarray"`
	What   string
	Reason Reason
	Detail string
}

// Absent makes an Absence; the detail is cut at MaxDetail bytes.
func Absent(what string, r Reason, format string, args ...any) Absence {
	return Absence{What: cut(what, MaxText), Reason: r, Detail: cut(fmt.Sprintf(format, args...), MaxDetail)}
}

// WithAbsence returns a copy of the list, by name, in which what is absent as why says, and is not where why is nil.
func WithAbsence(list []Absence, what string, why *Absence) []Absence {
	out := slices.DeleteFunc(slices.Clone(list), func(a Absence) bool { return a.What == what })
	if why != nil {
		out = append(out, Absence{What: what, Reason: why.Reason, Detail: why.Detail})
	}
	slices.SortStableFunc(out, func(a, b Absence) int { return strings.Compare(a.What, b.What) })
	return out
}

// AbsentError carries an Absence through code that returns errors.
type AbsentError struct{ Absence Absence }

func (e *AbsentError) Error() string {
	return fmt.Sprintf("%s: absent: %s: %s", e.Absence.What, e.Absence.Reason, e.Absence.Detail)
}

func (a Absence) check() error {
	switch {
	case a.What == "" || len(a.What) > MaxText:
		return fmt.Errorf("absence: name of %d bytes", len(a.What))
	case !a.Reason.Known():
		return fmt.Errorf("absence of %s: unknown reason %q", a.What, a.Reason)
	case len(a.Detail) > MaxDetail:
		return fmt.Errorf("absence of %s: detail of %d bytes, limit %d", a.What, len(a.Detail), MaxDetail)
	}
	return nil
}

// CheckAbsences checks a kind's list of absences against the limits and the closed set of reasons.
func CheckAbsences(list []Absence) error {
	if len(list) > MaxAbsences {
		return fmt.Errorf("%d absences, limit %d", len(list), MaxAbsences)
	}
	for _, a := range list {
		if err := a.check(); err != nil {
			return err
		}
	}
	return nil
}

// cut shortens s to n bytes without splitting a UTF-8 sequence and replaces invalid UTF-8.
func cut(s string, n int) string {
	s = validUTF8(s)
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
