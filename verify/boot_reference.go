package verify

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/bootlog"
)

// exactRegisters are those whose values a boot reference holds: what was run and
// which keys allowed it; 12 is where systemd's stub measures a command line. Registers 1, 3, 5 and 6 hold settings and device names that change from boot to boot.
var exactRegisters = []uint{0, 2, 4, 7, 8, 9, 12, 14}

// bootReference looks for a known boot. One that is not known is unknown, not
// guilty: firmware and kernels are updated. It says what of the nearest reference differs.
func (ap *Appraised) bootReference(refs *References, r *bootlog.Report) {
	if len(refs.boots) == 0 {
		return
	}
	by := ap.auth.rootAssurance()
	if !ap.boot.replays {
		ap.findings.unknown("boot.reference.not_evaluable", "boot reference", by, "a boot log that replays", "it does not")
		return
	}
	differences, nearest, partly := []string(nil), "", ""
	for i := range refs.boots {
		b := &refs.boots[i]
		d, whole := bootDifferences(b, ap.auth.quote.Bank, ap.auth.quote.PCRs, r)
		if len(d) == 0 && whole {
			d = ap.unexplained(b)
		}
		switch {
		case len(d) == 0 && whole:
			ap.boot.reference = fmt.Sprintf("%q", b.Name)
			ap.findings.good("boot.reference.match", "boot reference", by, b.Name)
			return
		case len(d) == 0:
			partly = cmp.Or(b.Name, "one without name")
		case differences == nil || len(d) < len(differences):
			differences, nearest = d, b.Name
		}
	}
	if partly != "" {
		ap.findings.good("boot.reference.match", "boot reference", by, partly+": in the few registers it lists")
		return
	}
	ap.findings.warn("boot.reference.differs", "boot reference", by, "one of "+count(len(refs.boots), "boot references"), "nearest "+nearest+": "+strings.Join(differences, "; "))
}

// lateRegisters are extended behind the boot loader, by systemd's stub and others: parts and extensions of
// the system that come from a disk (systemd-stub(7), "TPM PCR Notes").
var lateRegisters = []uint{11, 13}

// unexplained lists registers in which something was measured that neither the reference nor the runtime log knows.
func (ap *Appraised) unexplained(b *attest.ReferenceBoot) (off []string) {
	for _, i := range lateRegisters {
		v := ap.auth.quote.PCRs[i]
		known := bytes.Equal(v, make([]byte, len(v))) || b.Bank == ap.auth.quote.Bank && bytes.Equal(v, b.Registers[i])
		if r := ap.boot.runtime; !known && (r == nil || *r != i) {
			off = append(off, fmt.Sprintf("register %d", i))
		}
	}
	return off
}

// bootDifferences lists what of a boot is not as the reference says; nothing where its registers or its policy hold.
// Whole: what holds leaves no part of the boot open. A reference of a few registers vouches for these alone, which is not enough for a closed world.
func bootDifferences(b *attest.ReferenceBoot, bank uint16, pcrs map[uint][]byte, r *bootlog.Report) (off []string, whole bool) {
	if len(b.Registers) > 0 && b.Bank == bank {
		for _, i := range slices.Sorted(maps.Keys(b.Registers)) {
			if !bytes.Equal(pcrs[i], b.Registers[i]) {
				off = append(off, fmt.Sprintf("register %d", i))
			}
		}
		whole = !slices.ContainsFunc(exactRegisters, func(i uint) bool { return b.Registers[i] == nil })
		if len(off) == 0 && whole || b.Policy == nil {
			return off, whole
		}
	}
	if b.Policy == nil {
		return []string{fmt.Sprintf("registers of bank %#x, quoted %#x", b.Bank, bank)}, false
	}
	listed := len(b.Registers) > 0 && b.Bank == bank && len(off) == 0
	if off = policyDifferences(b, r); !slices.ContainsFunc(b.Policy.Firmware, func(v []byte) bool { return bytes.Equal(v, pcrs[0]) }) {
		off = append(off, "firmware (register 0)")
	}
	if len(off) > 0 && listed {
		return nil, false
	}
	return off, true
}

// policyDifferences holds a replayed log against a policy. A fact that cannot be read never satisfies it.
func policyDifferences(b *attest.ReferenceBoot, r *bootlog.Report) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if b.Bank != r.Bank {
		say("digests of bank %#x, quoted %#x", b.Bank, r.Bank)
	}
	if on, err := r.SecureBoot.Get(); err != nil || !on {
		say("Secure Boot is not on")
	}
	keys, err := trustKeys(r)
	if err != nil {
		say("keys: %v", err)
	}
	for _, k := range keys {
		if !slices.Contains(b.Policy.Keys, k.Digest) {
			say("key %s", keyName(k))
		}
	}
	for _, c := range []struct {
		what  string
		fact  func() ([]named, error)
		known [][]byte
	}{{"image", images(r), b.Policy.Images}, {"file", files(r.Files), b.Policy.Files}, {"key list", files(r.MOK), b.Policy.Lists}} {
		list, err := c.fact()
		if err != nil {
			say("%ss: %v", c.what, err)
		}
		for _, n := range list {
			if !slices.ContainsFunc(c.known, func(k []byte) bool { return bytes.Equal(k, n.digest) }) {
				say("%s %s", c.what, n.name())
			}
		}
	}
	lines, err := r.CommandLines.Get()
	if err != nil || len(lines) == 0 {
		say("no measured command line")
	}
	for _, l := range lines {
		if !slices.Contains(b.Policy.CommandLines, l) {
			say("command line %q", attest.Clean(l))
		}
	}
	return out
}

// trustKeys are the keys that may let something run: the firmware's list, and what has verified an image.
func trustKeys(r *bootlog.Report) ([]bootlog.Key, error) {
	db, err := r.DB.Get()
	authorities, err2 := r.Authorities.Get()
	keys := slices.Clone(db.Keys)
	for _, a := range authorities {
		keys = append(keys, a.Key)
	}
	return keys, errors.Join(err, err2)
}

// named is a digest with the log's label for it.
type named struct {
	digest []byte
	label  string
}

func (n named) name() string {
	if n.label == "" {
		return fmt.Sprintf("%x", n.digest)
	}
	return fmt.Sprintf("%q", attest.Clean(n.label))
}

func images(r *bootlog.Report) func() ([]named, error) {
	return func() ([]named, error) {
		components, err := r.Components.Get()
		drivers, err2 := r.Drivers.Get()
		var out []named
		for _, c := range slices.Concat(components, drivers) {
			out = append(out, named{c.Digest, c.Path})
		}
		return out, errors.Join(err, err2)
	}
}

func files(f bootlog.Fact[[]bootlog.Measured]) func() ([]named, error) {
	return func() ([]named, error) {
		list, err := f.Get()
		var out []named
		for _, m := range list {
			if m.Value == "load options" {
				continue // the kernel's own measurement of a command line, which is judged as such
			}
			out = append(out, named{m.Digest, m.Label})
		}
		return out, err
	}
}

// referenceBoot makes a reference of a boot that replays: its registers, and a
// policy of everything that was seen. The policy is left out where a fact cannot be read.
func referenceBoot(name string, r *bootlog.Report, pcrs map[uint][]byte, runtime *uint) attest.ReferenceBoot {
	b := attest.ReferenceBoot{Name: name, Bank: r.Bank, Registers: map[uint][]byte{}}
	for _, i := range exactRegisters {
		b.Registers[i] = pcrs[i]
	}
	for _, i := range lateRegisters {
		if !bytes.Equal(pcrs[i], make([]byte, len(pcrs[i]))) && (runtime == nil || *runtime != i) {
			b.Registers[i] = pcrs[i]
		}
	}
	p := &attest.BootPolicy{Firmware: [][]byte{pcrs[0]}, Keys: []attest.Digest{}, Images: [][]byte{}, Files: [][]byte{}, Lists: [][]byte{}, CommandLines: []string{}}
	keys, err := trustKeys(r)
	for _, k := range keys {
		p.Keys = append(p.Keys, k.Digest)
	}
	for _, c := range []struct {
		fact func() ([]named, error)
		into *[][]byte
	}{{images(r), &p.Images}, {files(r.Files), &p.Files}, {files(r.MOK), &p.Lists}} {
		list, e := c.fact()
		err = errors.Join(err, e)
		for _, n := range list {
			*c.into = append(*c.into, n.digest)
		}
	}
	lines, e := r.CommandLines.Get()
	if on, e2 := r.SecureBoot.Get(); errors.Join(err, e, e2) == nil && on && len(lines) > 0 {
		p.CommandLines = lines
		b.Policy = p
	}
	return b
}
