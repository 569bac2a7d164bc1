package verify

import (
	"encoding/binary"
	"fmt"

	"github.com/google/go-eventlog/extract"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tdx"
	"github.com/hallmark-attest/hallmark/attest/tdx/replay"
)

// tdLogs holds the TD's logs against the RTMRs of its quote.
func (ap *Appraised) tdLogs() {
	if ap.auth.td == nil {
		return
	}
	ap.tdBoot()
	ap.tdRuntime()
}

// tdBoot replays what firmware, loader and kernel measured.
func (ap *Appraised) tdBoot() {
	a := ap.auth
	const check = "TD event log"
	lack := func(seen any) {
		ap.findings.unknown("tdx.replay.not_evaluable", check, a.tdAssurance(), "an event log that replays to RTMR0 to 2", seen)
	}
	l := a.log(attest.LogCCEL)
	if l.lack == "" && l.more {
		l.lack = "it is larger than one answer carries"
	}
	if l.lack != "" {
		lack(l.lack)
		return
	}
	table, log, err := cutCCEL(l.bytes)
	if err != nil {
		lack(err)
		return
	}
	boot, err := replay.CCEL(table, log, a.td.quote.Body.RTMR, extract.GRUB)
	if err != nil {
		ap.findings.warn("tdx.replay", check, a.tdAssurance(), "a log that leads to RTMR0 to 2", err)
		return
	}
	ap.td.replays = true
	ap.findings.good("tdx.replay.ok", check, a.tdAssurance(), fmt.Sprintf("%d events lead to RTMR0 to 2", len(boot.Events)))
	ap.tdSecureBoot(boot)
}

// tdSecureBoot says what the log shows of Secure Boot. Firmware that nobody named may measure what it likes and enforce nothing.
func (ap *Appraised) tdSecureBoot(boot *replay.Boot) {
	by, whose := ap.auth.tdAssurance(), ""
	if !ap.td.firmware || !ap.td.current {
		by, whose = Asserted, ", by firmware that no policy names (--td-policy)"
	}
	switch {
	case boot.State == nil || boot.State.GetSecureBoot() == nil:
		ap.findings.unknown("tdx.secure_boot.not_evaluable", "Secure Boot", by, "a state that the log shows", fmt.Sprint(boot.StateErr))
	case boot.State.GetSecureBoot().GetEnabled():
		ap.findings.good("tdx.secure_boot", "Secure Boot", by, "on"+whose)
	default:
		ap.findings.warn("tdx.secure_boot", "Secure Boot", by, "on", "off"+whose)
	}
}

// cutCCEL takes the ACPI table, which states its own length, from before the log.
func cutCCEL(b []byte) (table, log []byte, err error) {
	if len(b) < 8 {
		return nil, nil, fmt.Errorf("%d bytes are no ACPI table", len(b))
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if uint64(n) > uint64(len(b)) {
		return nil, nil, fmt.Errorf("an ACPI table of %d bytes in %d", n, len(b))
	}
	return b[:n], b[n:], nil
}

// tdRuntime replays the agent's own events in RTMR3. They have the assurance of the agent and never raise any.
func (ap *Appraised) tdRuntime() {
	a := ap.auth
	const check = "TD runtime log"
	lack := func(seen any) {
		ap.findings.unknown("tdx.runtime.not_evaluable", check, a.tdAssurance(), "events that replay to RTMR3", seen)
	}
	if c := ap.td.claims; c == nil || c.RuntimeRegister == nil {
		if c != nil {
			lack(absenceOf(c.Absent, tdx.RuntimeRegister))
		}
		return
	}
	l := a.log(attest.LogRTMR)
	if l.lack != "" {
		lack(l.lack)
		return
	}
	r, err := replay.Runtime(l.bytes, nil, a.td.quote.Body.RTMR[tdx.RuntimeRTMR])
	if err != nil {
		lack(err)
		return
	}
	if len(r.Records) == 0 {
		lack("no event: RTMR3 is at its start value") // as whoever stops the agent from extending has it
		return
	}
	ap.findings.good("tdx.runtime.ok", check, a.tdAssurance(), fmt.Sprintf("%d events lead to RTMR3", len(r.Records)))
}
