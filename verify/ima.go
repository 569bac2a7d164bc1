package verify

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"maps"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// measurements are the kernel's measurements that a quote covers.
type measurements struct {
	replays bool        // a beginning of the list gives the register
	entries []ima.Entry // of register 10, in the matching prefix
	state   ima.Replay  // at the end of the prefix
	log     nodeLog
	known   int    // entries that the references know
	unknown int    // entries that they do not know; neither counts violations and boot aggregates
	lack    string // why nothing can be said; then the rest is empty
	differs bool   // the list was read whole, and no prefix gives the register
	unended []byte // the list goes on behind these bytes, which may be its beginning
}

// imaBanks are the ways in which a kernel extends a quoted bank; padded SHA-1 before Linux 5.8, and where it lacks the bank's hash.
func imaBanks(bank uint16) []ima.Bank {
	return []ima.Bank{{Alg: bank}, {Alg: bank, Padded: true}}
}

// maxUnended bounds what is kept of a list that has not replayed yet: nothing shows that it is the kernel's. Twice the entries of a year's uptime.
const maxUnended = 4 * attest.MaxLogSize

// readIMA finds the longest prefix of the node's list after which match holds for register 10.
func readIMA(l nodeLog, bank uint16, match func([]byte) bool) *measurements {
	m := &measurements{log: l, lack: l.lack}
	if l.lack != "" {
		return m
	}
	for _, b := range imaBanks(bank) {
		lists, err := readList(l.bytes, b)
		for i := len(lists) - 1; i >= 0; i-- {
			if n, _, ok := lists[i].LongestPrefix(match); ok {
				m.found(lists[:i+1], n)
				return m
			}
		}
		last := lists[len(lists)-1]
		m.lack, m.unended = "", l.bytes[:last.At(len(last.Entries)).Bytes]
		if err != nil {
			m.lack, m.unended = err.Error(), nil
		}
	}
	switch {
	case !l.more:
		m.unended = nil
	case len(m.unended) > maxUnended:
		m.lack, m.unended = fmt.Sprintf("no beginning of the first %d bytes gives the quoted register, and more is not kept", len(l.bytes)), nil
		return m
	case m.unended != nil:
		m.lack = fmt.Sprintf("no beginning of the first %d bytes gives the quoted register, and the list goes on: ask on from there with --history", len(l.bytes))
		return m
	}
	switch {
	case l.continued:
		m.lack = restarted
	case m.lack == "":
		m.differs = true
	}
	return m
}

// readList reads a whole list in stretches of at most ima.MaxEntries.
func readList(b []byte, bank ima.Bank) (lists []*ima.List, err error) {
	for at := ima.NewReplay(bank); ; {
		list, err := at.Continue(b[at.Bytes:])
		lists = append(lists, list)
		if len(list.Entries) < ima.MaxEntries || !errors.Is(err, ima.ErrLimit) {
			return lists, err
		}
		at = list.At(len(list.Entries))
	}
}

// found takes the lists, the last one as far as its first n entries.
func (m *measurements) found(lists []*ima.List, n int) {
	last := lists[len(lists)-1]
	m.lack, m.unended, m.replays, m.state = "", nil, true, last.At(n)
	for _, list := range lists {
		entries := list.Entries
		if list == last {
			entries = entries[:n]
		}
		for _, e := range entries {
			if e.PCR == ima.PCR {
				m.entries = append(m.entries, e)
			}
		}
	}
}

// mend finds the value of register 10 that makes the quoted digest right: IMA
// extends it while the node reads and quotes, so an honest reading may be older than the quote.
func (a *authentication) mend(q *tpm.Quote, digest []byte) bool {
	pcrs := maps.Clone(q.PCRs)
	m := readIMA(a.log(attest.LogIMA), q.Bank, func(register []byte) bool {
		pcrs[ima.PCR] = register
		return bytes.Equal(tpm.PCRDigest(pcrs), digest)
	})
	if !m.replays {
		return false
	}
	q.PCRs = pcrs
	q.PCRs[ima.PCR] = m.state.Register
	return true
}

// ima judges the kernel's list against the quoted register 10.
func (ap *Appraised) ima(refs *References) {
	a := ap.auth
	if a.quote == nil {
		return
	}
	const check = "IMA list"
	by := a.rootAssurance()
	register := a.quote.PCRs[ima.PCR]
	m := readIMA(a.log(attest.LogIMA), a.quote.Bank, func(r []byte) bool { return bytes.Equal(r, register) })
	ap.measurements = m
	if m.replays && len(m.entries) == 0 {
		m.replays, m.lack = false, "register 10 is quoted at its start value: the kernel measured nothing into this TPM"
	}
	switch {
	case m.replays:
		a.keep(attest.LogIMA, m.log.bytes[:m.state.Bytes])
	case m.unended != nil:
		a.keep(attest.LogIMA, m.unended)
	case m.log.continued:
		a.keep(attest.LogIMA, nil) // what is kept is of no use any more
	}
	switch {
	case m.differs:
		ap.findings.warn("ima.no_match", check, by, fmt.Sprintf("a prefix that gives register 10, %x", register), fmt.Sprintf("none in %d bytes", len(m.log.bytes)))
		return
	case !m.replays:
		ap.findings.unknown("ima.not_evaluable", check, by, "a list that replays to register 10", m.lack)
		return
	}
	ap.findings.good("ima.prefix", check, by, fmt.Sprintf("%d entries replay to register 10, %x; %d bytes behind them are not shown", m.state.Entries, register, len(m.log.bytes)-int(m.state.Bytes)))
	if n := m.state.Violations; n > 0 {
		ap.findings.warn("ima.violations", check, by, "no violation", n)
	}
	if n := m.state.Hidden; n > 0 {
		ap.findings.unknown("ima.hidden", check, by, "", fmt.Sprintf("%d of %d entries are hidden by the node", n, m.state.Entries))
	}
	ap.aggregate(m)
	ap.referenced(refs, m)
}

// aggregate ties the list to the boot that the other registers show. The kernel's first measurement is always the aggregate.
func (ap *Appraised) aggregate(m *measurements) {
	const check, want = "boot aggregate", "over the quoted registers 0 to 9"
	first := m.entries[0]
	switch err := ap.checkAggregate(first); {
	case !called(first, ima.BootAggregateName):
		ap.findings.warn("ima.aggregate", check, ap.auth.rootAssurance(), want, "the list begins with "+entryName(first))
	case errors.Is(err, ima.ErrAggregate):
		ap.findings.warn("ima.aggregate", check, ap.auth.rootAssurance(), want, fmt.Sprintf("%x", first.Digest.Value))
	}
}

func (ap *Appraised) checkAggregate(e ima.Entry) error {
	return ima.CheckBootAggregate(e.Digest, ap.auth.quote.Bank, ap.auth.quote.PCRs)
}

// bootAggregate reports whether entry i is the kernel's own. A name alone does not make it so: where a file's path is
// too long for the kernel, it states the last part of it, which may be any word. The
// first entry is the kernel's; one after a kexec is over the same registers.
func (ap *Appraised) bootAggregate(i int, e ima.Entry) bool {
	return called(e, ima.BootAggregateName) && (i == 0 || ap.checkAggregate(e) == nil)
}

func called(e ima.Entry, path string) bool {
	return e.Understood && !e.Hidden && !e.Violation && e.Path == path
}

// referenced compares every entry with the references, if these describe a closed world. Violations are judged apart.
func (ap *Appraised) referenced(refs *References, m *measurements) {
	if len(refs.measured) == 0 {
		return
	}
	var names []string
	for i, e := range m.entries {
		switch {
		case e.Violation || ap.bootAggregate(i, e):
		case refs.knows(e):
			m.known++
		default:
			if m.unknown++; len(names) < 5 {
				names = append(names, entryName(e))
			}
		}
	}
	by := ap.auth.rootAssurance()
	if m.unknown > 0 {
		ap.findings.warn("ima.unreferenced", "IMA list", by, "every entry in the references", fmt.Sprintf("%d of %d are not: %q", m.unknown, m.known+m.unknown, names))
		return
	}
	ap.findings.good("ima.referenced", "IMA list", by, fmt.Sprintf("all %d entries", m.known))
}

func entryName(e ima.Entry) string {
	switch {
	case e.Violation:
		return "a violation"
	case e.Hidden:
		return "a hidden entry"
	case !e.Understood:
		return "an entry of template " + attest.Clean(e.Template)
	}
	return attest.Clean(e.Path)
}

// measuredKey names a file's content as IMA states it.
type measuredKey struct {
	digest attest.Digest
	verity bool
}

func keyOf(e ima.Entry) (measuredKey, bool) {
	if !e.Understood || e.Hidden || e.Violation || e.Digest.Alg != "sha256" || len(e.Digest.Value) != crypto.SHA256.Size() {
		return measuredKey{}, false
	}
	k := measuredKey{attest.Digest(e.Digest.Value), e.Digest.Verity}
	return k, k.digest != attest.Digest{} // zeros: the kernel could not read the file (O_DIRECT)
}

// knows reports whether an entry's content is referenced. SHA-1 digests of files never are: two files can be made to share one.
func (r *References) knows(e ima.Entry) bool {
	k, ok := keyOf(e)
	if !ok {
		return false
	}
	return r.measured[k]
}
