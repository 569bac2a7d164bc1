package collateral

import (
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// Status is how current a platform, its module or its quoting enclave is. The first seven are Intel's words (PCS API).
type Status string

// All statuses.
const (
	UpToDate                          Status = "UpToDate"
	SWHardeningNeeded                 Status = "SWHardeningNeeded"
	ConfigurationNeeded               Status = "ConfigurationNeeded"
	ConfigurationAndSWHardeningNeeded Status = "ConfigurationAndSWHardeningNeeded"
	OutOfDate                         Status = "OutOfDate"
	OutOfDateConfigurationNeeded      Status = "OutOfDateConfigurationNeeded"
	Revoked                           Status = "Revoked"

	// Unrecognized: no level of the collateral matches: some component lacks what every level asks for. Frequent in the field where a
	// host loads no late microcode; TCB.Lacking names the component.
	Unrecognized Status = "TcbUnrecognized"
	// Foreign: the quoting enclave or the TDX module is not the one that Intel names. Whatever they signed shows nothing; no policy can accept it.
	Foreign Status = "Foreign"
)

// Statuses are all of them.
var Statuses = []Status{UpToDate, SWHardeningNeeded, ConfigurationNeeded, ConfigurationAndSWHardeningNeeded, OutOfDate,
	OutOfDateConfigurationNeeded, Revoked, Unrecognized, Foreign}

// known says whether Intel may write it.
func (s Status) known() bool { return slices.Contains(Statuses[:7], s) }

// Component is the level that one part of the platform meets.
type Component struct {
	Status Status
	Date   time.Time // tcbDate: what is known since then is mended; zero where no level matches
	// Advisories are Intel's for that level.
	Advisories []string
}

// Lack is one number that keeps a component from the level it should meet.
type Lack struct {
	What string // "CPUSVN 7", "PCESVN", "TEE_TCB_SVN 2", "TDX_01 ISVSVN", "QE ISVSVN"
	Type string // what Intel says of it: "SEAMLDR ACM", "SGX Late Microcode Update"
	Have uint16
	Want uint16
}

// TCB is the second of the three results: whether signatures are valid is the first, what a policy accepts the third.
type TCB struct {
	Status   Status
	Platform Component
	Module   Component // Status is "" on TDX 1.0, whose module is judged with the platform
	QE       Component
	Lacking  []Lack
	Why      string // of Revoked by certificate, and of Foreign

	MinDate          time.Time // the earliest tcbDate of the three
	Advisories       []string  // of the three, sorted
	EvaluationNumber uint32    // the lower one of TCB info and QE identity
	FMSPC            [6]byte

	// RelaunchAdvised: what runs now (TEE_TCB_SVN_2) is better than what ran when the TD was launched (TEE_TCB_SVN), by
	// which it is judged. Ending and launching the TD mends it.
	RelaunchAdvised bool

	Issued time.Time // the latest beginning of what was judged by
	Next   time.Time // the earliest end
	Stale  []Window  // what was not yet or no longer valid at the time of the judgement; empty: all current
}

// converge joins statuses by Intel's rule (QVL, EvaluateTcb.cpp, convergeTcbStatus): the platform's, made worse by one that is out of date or revoked.
func converge(platform Status, others ...Status) Status {
	out := platform
	for _, s := range others {
		switch {
		case out == Foreign || s == Foreign:
			out = Foreign
		case out == Revoked || s == Revoked:
			out = Revoked
		case out == Unrecognized || s == Unrecognized:
			out = Unrecognized
		case s == OutOfDate && (out == UpToDate || out == SWHardeningNeeded):
			out = OutOfDate
		case s == OutOfDate && (out == ConfigurationNeeded || out == ConfigurationAndSWHardeningNeeded):
			out = OutOfDateConfigurationNeeded
		}
	}
	return out
}

// join fills what follows from the three.
func (t *TCB) join() {
	t.Status = converge(t.Platform.Status, t.Module.Status, t.QE.Status)
	for _, c := range []Component{t.Platform, t.Module, t.QE} {
		if !c.Date.IsZero() && (t.MinDate.IsZero() || c.Date.Before(t.MinDate)) {
			t.MinDate = c.Date
		}
		t.Advisories = append(t.Advisories, c.Advisories...)
	}
	slices.Sort(t.Advisories)
	t.Advisories = slices.Compact(t.Advisories)
}

// svns are the numbers of a quote and its platform.
type svns struct {
	p   *quote.Platform
	tee [16]byte
}
