package verify

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/runlog"
)

// runtime judges the agent's own events against the register that its claims
// name. They have the assurance of the agent and never raise any; what they
// show is that the agent did not lose or reorder what it once wrote.
func (ap *Appraised) runtime() {
	a := ap.auth
	if a.quote == nil || a.tpmClaims == nil {
		return
	}
	const check = "runtime log"
	by := a.rootAssurance()
	lack := func(seen any) {
		ap.findings.unknown("runtime.not_evaluable", check, by, "events that replay to their register", seen)
	}
	register := a.tpmClaims.RuntimeRegister
	if register == nil {
		lack(absenceOf(a.tpmClaims.Absent, "runtime_register"))
		return
	}
	if !slices.Contains(runtimeRegisters, *register) {
		lack(fmt.Sprintf("register %d is not one for runtime events", *register))
		return
	}
	l := a.log(attest.LogCEL)
	if l.lack != "" {
		if l.continued {
			a.keep(attest.LogCEL, nil)
		}
		lack(l.lack)
		return
	}
	list, err := runlog.NewReplay(a.quote.Bank, uint8(*register)).Continue(l.bytes)
	if list == nil {
		lack(err)
		return
	}
	quoted := a.quote.PCRs[*register]
	n, size, ok := list.LongestPrefix(func(r []byte) bool { return bytes.Equal(r, quoted) })
	switch {
	case !ok && l.continued:
		a.keep(attest.LogCEL, nil)
		lack("it does not continue what the history holds: the host restarted; ask for the whole log")
	case !ok && err != nil:
		lack(err)
	case !ok:
		lack(fmt.Sprintf("register %d was extended by somebody else, or the log is not whole", *register))
	case n == 0:
		if l.continued { // the register began anew
			a.keep(attest.LogCEL, nil)
		}
		lack("no event: the register is at its start value")
	default:
		a.keep(attest.LogCEL, l.bytes[:size])
		ap.boot.runtime = register
		ap.bootID = &list.Records[0].Event.BootID
		ap.findings.good("runtime.replays", check, by, events(list.Records[:n]))
	}
}

// runtimeRegisters are those that an agent may choose: nobody else's log explains them.
var runtimeRegisters = []uint{11, 12, 13, 15}

// events says how often the agent started in this boot and which engines it saw.
func events(records []runlog.Record) string {
	count := map[runlog.Type]int{}
	for _, r := range records {
		count[r.Event.Type]++
	}
	return fmt.Sprintf("%d starts, %d engines, %d stops", count[runlog.TypeStart], count[runlog.TypeEngine], count[runlog.TypeStop])
}

func absenceOf(list []attest.Absence, what string) string {
	for _, a := range list {
		if a.What == what {
			return string(a.Reason) + ": " + a.Detail
		}
	}
	return "none stated"
}
