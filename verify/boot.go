package verify

import (
	"fmt"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/bootlog"
)

// bootState is what later stages ask of the boot.
type bootState struct {
	report       *bootlog.Report // nil where no log was read
	replays      bool            // and the firmware closed its registers
	secureBoot   bool            // on, by all readers of the log
	commandLines []string        // all that may be the kernel's
	runtime      *uint           // the register that the runtime log explains
	reference    string          // a boot reference that holds and leaves no part of the boot open, "" for none
}

// bootLog judges the firmware's event log against the quoted registers, each fact for itself.
func (ap *Appraised) bootLog(refs *References) {
	a := ap.auth
	if a.quote == nil {
		return
	}
	by, l := a.rootAssurance(), a.log(attest.LogBoot)
	if l.lack == "" && l.more {
		l.lack = fmt.Sprintf("it is longer than the %d bytes of a part", attest.MaxLogSize)
	}
	r := &bootlog.Report{}
	if l.lack == "" {
		if r = bootlog.Judge(l.bytes, a.quote.Bank, a.quote.PCRs); r.Err != nil {
			l.lack = r.Err.Error()
		} else if l.continued && !r.Replays {
			l.lack = restarted
		}
	}
	// Without its separators the firmware may not have begun: an empty log replays to registers that are zero.
	ap.boot.report, ap.boot.replays = r, l.lack == "" && r.Replays && r.Closed
	switch {
	case ap.boot.replays:
		a.keep(attest.LogBoot, l.bytes)
	case l.continued:
		a.keep(attest.LogBoot, nil)
	}
	if l.lack != "" {
		ap.findings.unknown("boot.not_evaluable", "boot log", by, "a boot log that replays to the quoted registers", l.lack)
		return
	}
	ap.bootReplay(r)
	ap.secureBootState(r)
	ap.bootFacts(r)
	ap.bootReference(refs, r)
}

func (ap *Appraised) bootReplay(r *bootlog.Report) {
	by := ap.auth.rootAssurance()
	switch {
	case ap.boot.replays:
		ap.findings.good("boot.replays", "boot log", by, fmt.Sprintf("%d events", r.Events))
	case r.Replays:
		ap.findings.warn("boot.replay", "boot log", by, "one separator in each of the registers 0 to 7, and no error", "separators of "+openRegisters(r))
	default:
		ap.findings.warn("boot.replay", "boot log", by, "replays to every quoted register of 0 to 9 and 14", "not to "+unequal(r))
	}
	for _, u := range r.Unknown {
		ap.findings.warn("boot.unknown_event", fmt.Sprintf("boot log event %d", u.Event), by, "an event type of the platform firmware profile in register "+fmt.Sprint(u.Register), u.Type)
		if len(r.Unknown) > maxUnknownEvents {
			break // one says enough of a log full of them
		}
	}
}

// unequal names the registers that decide and are not what the log gives.
func unequal(r *bootlog.Report) string {
	var off []string
	for _, x := range r.Registers {
		if !x.Equal && (x.Index <= 9 || x.Index == 14) {
			off = append(off, fmt.Sprint(x.Index))
		}
	}
	return strings.Join(off, ", ")
}

// openRegisters names those that the firmware did not close, or closed with an error.
func openRegisters(r *bootlog.Report) string {
	var off []string
	for _, x := range r.Registers {
		if x.Index <= 7 && (x.Separators != 1 || x.Failed) {
			off = append(off, fmt.Sprintf("%d: %d, failed %v", x.Index, x.Separators, x.Failed))
		}
	}
	return strings.Join(off, "; ")
}

// maxUnknownEvents is how many unknown events are named one by one.
const maxUnknownEvents = 8

func (ap *Appraised) secureBootState(r *bootlog.Report) {
	by := ap.auth.rootAssurance()
	on, err := r.SecureBoot.Get()
	switch {
	case r.Disagree:
		var said []string
		for _, o := range r.Opinions {
			said = append(said, fmt.Sprintf("%s: on %v, %v", o.Reader, o.On, o.Err))
		}
		ap.findings.unknown("boot.parsers_disagree", "Secure Boot", by, "one verdict of all readers", strings.Join(said, "; "))
	case err != nil:
		ap.findings.unknown("secure_boot.not_evaluable", "Secure Boot", by, "on or off", err)
	case on:
		ap.boot.secureBoot = true
		ap.findings.good("secure_boot.on", "Secure Boot", by, "on; verified by "+authorities(r))
	default:
		ap.findings.warn("secure_boot.off", "Secure Boot", by, "on", "off")
	}
}

// authorities names the keys that verified what was started; the names are those of the certificates.
func authorities(r *bootlog.Report) string {
	list, err := r.Authorities.Get()
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, x := range list {
		if x.Key.Kind != bootlog.KeyValue {
			names = append(names, keyName(x.Key))
		}
	}
	return strings.Join(names, ", ")
}

func keyName(k bootlog.Key) string {
	if k.Name != "" { // which whoever made the certificate chose
		return fmt.Sprintf("%q (%s)", k.Name, k.Digest.Short())
	}
	return k.Digest.Short()
}

// bootFacts reports the rest of what the log shows.
func (ap *Appraised) bootFacts(r *bootlog.Report) {
	by := ap.auth.rootAssurance()
	lines, err := r.CommandLines.Get()
	switch {
	case err != nil:
		ap.findings.unknown("boot.command_line", "kernel command line", by, "measured", err)
	case len(lines) == 0:
		ap.findings.unknown("boot.command_line", "kernel command line", by, "measured", "no event that may be one")
	default:
		ap.boot.commandLines = lines
		ap.findings.good("boot.command_line", "kernel command line", by, strings.Join(lines, " | "))
	}
	if off, err := r.DMAProtectionDisabled.Get(); err == nil && off {
		ap.findings.warn("boot.dma_protection", "DMA protection", by, "not switched off by the firmware", "off")
	}
}
