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
	list    *ima.List
	entries []ima.Entry // of register 10, in the matching prefix, without the boot aggregate
	state   ima.Replay  // at the end of the prefix
	log     nodeLog
	unknown int    // entries that the references do not know, where there are any
	lack    string // why nothing can be said; then the rest is empty
	differs bool   // the list was read whole, and no prefix gives the register
}

// imaBanks are the ways in which a kernel extends a quoted bank.
func imaBanks(bank uint16) []ima.Bank {
	if bank == ima.SHA256 {
		return []ima.Bank{{Alg: bank}}
	}
	return []ima.Bank{{Alg: bank}, {Alg: bank, Padded: true}}
}

// readIMA finds the longest prefix of the node's list after which match holds for register 10.
func readIMA(l nodeLog, bank uint16, match func([]byte) bool) *measurements {
	m := &measurements{log: l, lack: l.lack}
	if l.lack != "" {
		return m
	}
	for _, b := range imaBanks(bank) {
		list, err := ima.NewReplay(b).Continue(l.bytes)
		if list == nil {
			m.lack = err.Error()
			continue
		}
		if n, _, ok := list.LongestPrefix(match); ok {
			m.lack, m.list, m.state = "", list, list.At(n)
			for _, e := range list.Entries[:n] {
				if e.PCR == ima.PCR && e.Path != ima.BootAggregateName {
					m.entries = append(m.entries, e)
				}
			}
			return m
		}
		if err != nil {
			m.lack = err.Error()
		}
	}
	switch {
	case l.continued:
		m.lack = "it does not continue what the history holds: the host restarted; ask for the whole list"
	case m.lack != "":
	case l.more:
		m.lack = fmt.Sprintf("none of the first %d bytes' prefixes gives the quoted register, and the list goes on: ask on from there with --history", len(l.bytes))
	default:
		m.differs = true
	}
	return m
}

// mend finds the value of register 10 that makes the quoted digest right: IMA
// extends it while the node reads and quotes, so an honest reading may be older than the quote.
func (a *authentication) mend(q *tpm.Quote, digest []byte) bool {
	pcrs := maps.Clone(q.PCRs)
	m := readIMA(a.log(attest.LogIMA), q.Bank, func(register []byte) bool {
		pcrs[ima.PCR] = register
		return bytes.Equal(tpm.PCRDigest(pcrs), digest)
	})
	if m.list == nil {
		return false
	}
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
	if m.list == nil && m.log.continued {
		a.keep(attest.LogIMA, nil) // what is kept is of no use any more
	}
	switch {
	case m.list == nil && m.differs:
		ap.findings.warn("ima.no_match", check, by, fmt.Sprintf("a prefix that gives register 10, %x", register), fmt.Sprintf("none in %d bytes", len(m.log.bytes)))
		return
	case m.list == nil:
		ap.findings.unknown("ima.not_evaluable", check, by, "a list that replays to register 10", m.lack)
		return
	}
	a.keep(attest.LogIMA, m.log.bytes[:m.state.Bytes])
	ap.findings.good("ima.prefix", check, by, fmt.Sprintf("%d entries replay to register 10; %d bytes behind them are not shown", m.state.Entries, len(m.log.bytes)-int(m.state.Bytes)))
	if n := m.state.Violations; n > 0 {
		ap.findings.warn("ima.violations", check, by, "no violation", n)
	}
	if n := m.state.Hidden; n > 0 {
		ap.findings.unknown("ima.hidden", check, by, "", fmt.Sprintf("%d of %d entries are hidden by the node", n, m.state.Entries))
	}
	ap.aggregate(m)
	ap.referenced(refs, m)
}

// aggregate ties the list to the boot that the other registers show.
func (ap *Appraised) aggregate(m *measurements) {
	d, err := m.list.BootAggregate()
	if err == nil {
		err = ima.CheckBootAggregate(d, ap.auth.quote.Bank, ap.auth.quote.PCRs)
	}
	if errors.Is(err, ima.ErrAggregate) {
		ap.findings.warn("ima.aggregate", "boot aggregate", ap.auth.rootAssurance(), "over the quoted registers 0 to 9", fmt.Sprintf("%x", d.Value))
	}
}

// referenced compares every entry with the references, if these describe a closed world.
func (ap *Appraised) referenced(refs *References, m *measurements) {
	if len(refs.measured) == 0 {
		return
	}
	unknown, names := 0, []string{}
	for _, e := range m.entries {
		if refs.knows(e) {
			continue
		}
		if unknown++; len(names) < 5 {
			names = append(names, entryName(e))
		}
	}
	by := ap.auth.rootAssurance()
	m.unknown = unknown
	if unknown > 0 {
		ap.findings.warn("ima.unreferenced", "IMA list", by, "every entry in the references", fmt.Sprintf("%d of %d are not: %q", unknown, len(m.entries), names))
		return
	}
	ap.findings.good("ima.referenced", "IMA list", by, fmt.Sprintf("all %d entries", len(m.entries)))
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
	return measuredKey{attest.Digest(e.Digest.Value), e.Digest.Verity}, true
}

// knows reports whether an entry's content is referenced. SHA-1 digests of files never are: two files can be made to share one.
func (r *References) knows(e ima.Entry) bool {
	k, ok := keyOf(e)
	if !ok {
		return false
	}
	return r.measured[k]
}
