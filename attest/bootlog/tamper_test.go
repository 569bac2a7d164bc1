package bootlog_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/bootlog"
)

// refused says that Secure Boot is not known, for a reason.
func refused(t *testing.T, r *bootlog.Report, reason string) {
	t.Helper()
	if on, err := r.SecureBoot.Get(); on || err == nil || !strings.Contains(err.Error(), reason) {
		t.Errorf("secure boot %v, %v; want an error with %q", on, err, reason)
	}
}

// differs says that a register does not replay, and that no fact comes from it.
func differs(t *testing.T, r *bootlog.Report, register uint, facts ...interface{ Err() error }) {
	t.Helper()
	if r.Err != nil || r.Replays || equal(t, r, register) {
		t.Errorf("error %v, replays %v, register %d equal %v", r.Err, r.Replays, register, equal(t, r, register))
	}
	for _, f := range facts {
		if err := f.Err(); err == nil || !strings.Contains(err.Error(), "does not replay") {
			t.Errorf("fact of register %d: %v", register, err)
		}
	}
}

func TestEditedVariableIsRefused(t *testing.T) {
	off := func(e *editable) *record {
		r := e.find(t, 7, "SecureBoot")
		r.data[len(r.data)-1] = 0
		return r
	}
	r := vm(t, func(e *editable) { off(e) })
	refused(t, r, "data does not hash to the digest")
	if !r.Replays || r.PK.Err() == nil {
		t.Errorf("replays %v (data is not replayed), PK %v", r.Replays, r.PK.Err())
	}
	r = vm(t, func(e *editable) { x := off(e); x.measure(x.data) })
	differs(t, r, 7, r.SecureBoot, r.PK, r.Authorities)
	r = remeasured(t, func(e *editable) { x := off(e); x.measure(x.data) })
	if on, err := r.SecureBoot.Get(); on || err != nil {
		t.Errorf("a machine that measured off: %v, %v", on, err)
	}
}

func TestDroppedInsertedReorderedAndRepeatedEventsDoNotReplay(t *testing.T) {
	r := vm(t, func(e *editable) { e.drop(e.find(t, 7, "MokListRT")) })
	differs(t, r, 7, r.SecureBoot, r.Authorities)
	r = vm(t, func(e *editable) { e.records = append(e.records, *e.find(t, 4, `grubx64.efi`)) })
	differs(t, r, 4, r.Components)
	r = vm(t, func(e *editable) {
		a, b := e.find(t, 8, "set timeout"), e.find(t, 8, "search --file")
		*a, *b = *b, *a
	})
	differs(t, r, 8, r.Commands, r.CommandLines)
	r = vm(t, func(e *editable) { e.drop(e.find(t, 9, "initrd")) })
	differs(t, r, 9, r.Files)
	r = vm(t, func(e *editable) { e.drop(e.find(t, 14, "MokListTrusted")) })
	differs(t, r, 14, r.MOK)
	if on, err := r.SecureBoot.Get(); !on || err != nil {
		t.Errorf("register 14 cost a fact of register 7: %v, %v", on, err)
	}
}

// The attack of go-attestation's event-log-disclosure: rename what was measured to
// a type that readers skip, then extend the register with better events.
func TestRewrittenTypesHideNothing(t *testing.T) {
	const unused, blob, application = 2, 0x80000008, 0x80000003
	hidden := func(typ uint32) func(*editable) {
		return func(e *editable) {
			var better []record
			for i := range e.records {
				r := &e.records[i]
				if r.register != 7 {
					continue
				}
				better = append(better, *r)
				if r.typ == 0x80000001 && bytes.Contains(r.data, wide("SecureBoot")) {
					r.data = bytes.Clone(r.data)
					r.data[len(r.data)-1] = 0
					r.measure(r.data)
				}
				r.typ = typ
			}
			e.records = append(e.records, better...)
		}
	}
	refused(t, remeasured(t, hidden(unused)), "variable db after the separator")
	refused(t, remeasured(t, hidden(0x800000e0)), "is called an authority")

	r := remeasured(t, func(e *editable) {
		e.find(t, 4, "grubx64.efi").typ = blob
		e.records = append(e.records, event(4, application, []byte("harmless"), []byte("another image")))
	})
	images, err := r.Components.Get()
	if err != nil || len(images) != 5 || images[1].Type != blob {
		t.Errorf("components %v, %v: the renamed image is gone", images, err)
	}
}

// Data that hashes to an image's digest can be had from the image itself.
func TestImageCannotHideBehindItsOwnBytes(t *testing.T) {
	image := append([]byte("MZ"), bytes.Repeat([]byte("image"), 100)...)
	r := remeasured(t, func(e *editable) { e.records = append(e.records, event(4, 0x80000006, image, image)) })
	if images, err := r.Components.Get(); err != nil || len(images) != 5 {
		t.Errorf("components %v, %v", images, err)
	}
}

func TestSingleTypesOfRegister7AreRefusedInAnyOtherRole(t *testing.T) {
	for name, change := range map[string]func(*editable){
		"key list as authority":      func(e *editable) { e.find(t, 7, "PK").typ = 0x800000e0 },
		"SecureBoot as authority":    func(e *editable) { e.find(t, 7, "SecureBoot").typ = 0x800000e0 },
		"SecureBoot as unused":       func(e *editable) { e.find(t, 7, "SecureBoot").typ = 2 },
		"authority as configuration": func(e *editable) { e.find(t, 7, "MokListRT").typ = 0x80000001 },
		"unknown type":               func(e *editable) { e.find(t, 7, "dbx").typ = 0x10 << 20 },
		"separator of another type": func(e *editable) {
			e.find(t, 7, "\x00\x00\x00\x00").typ = 0x80000001 // SecureBoot contains zeros too, and is of that type
			for i := range e.records {
				if e.records[i].register == 7 && e.records[i].typ == 4 {
					e.records[i].typ = 5
				}
			}
		},
	} {
		r := vm(t, change)
		if on, err := r.SecureBoot.Get(); on || err == nil {
			t.Errorf("%s: %v, %v", name, on, err)
		}
		if !r.Replays {
			t.Errorf("%s: types are not replayed, yet it does not replay", name)
		}
	}
}

func TestUnknownTypesAreListed(t *testing.T) {
	r := vm(t, func(e *editable) { e.find(t, 4, "grubx64.efi").typ = 0xdeadbeef })
	if len(r.Unknown) != 1 || r.Unknown[0].Register != 4 || r.Unknown[0].Type != 0xdeadbeef {
		t.Errorf("unknown %v", r.Unknown)
	}
	if on, err := r.SecureBoot.Get(); !on || err != nil {
		t.Errorf("a type of register 4 cost a fact of register 7: %v, %v", on, err)
	}
}

func TestMeasuredDebuggerAndUncheckedShimAreNeverOn(t *testing.T) {
	r := remeasured(t, func(e *editable) {
		e.records = append([]record{event(7, 0x80000007, []byte("UEFI Debug Mode"), []byte("UEFI Debug Mode"))}, e.records...)
	})
	refused(t, r, "debugger")
	r = remeasured(t, func(e *editable) {
		trusted := bytes.Clone(e.find(t, 7, "SbatLevel").data[:16])
		trusted = binary.LittleEndian.AppendUint64(trusted, 10)
		trusted = binary.LittleEndian.AppendUint64(trusted, 1)
		trusted = append(append(trusted, wide("MokSBState")...), 1)
		e.records = append(e.records, event(7, 0x800000e0, trusted, trusted))
	})
	refused(t, r, "shim was told not to verify")
	if unchecked, err := r.ShimUnchecked.Get(); !unchecked || err != nil {
		t.Errorf("%v, %v", unchecked, err)
	}
}

func TestForgedStartupLocalityDoesNotReplay(t *testing.T) {
	r := vm(t, func(e *editable) {
		e.records = append([]record{event(0, 3, []byte("StartupLocality\x00\x03"), nil)}, e.records...)
	})
	differs(t, r, 0)
	if r.Locality != 3 {
		t.Errorf("locality %d", r.Locality)
	}
	if on, err := r.SecureBoot.Get(); !on || err != nil {
		t.Errorf("register 0 cost a fact of register 7: %v, %v", on, err)
	}
	raw := sampleOf(t, "GdcHost")
	if r := bootlog.Judge(raw, sha256Bank, replay(raw, sha256Bank, 0)); r.Replays || equal(t, r, 0) {
		t.Error("a log that starts at 3 replays to a register that started at 0")
	}
}

// Labels are not measured: GRUB's prefix can be exchanged. A line that was good
// once and is only printed does not replace the one that started the kernel.
func TestExchangedLabelsHideNoCommandLine(t *testing.T) {
	const good, evil = "/vmlinuz root=LABEL=root rw", "/vmlinuz root=LABEL=root rw init=/bin/sh"
	line := func(label, text string) record { return event(8, 13, []byte(label+text+"\x00"), []byte(text)) }
	r := remeasured(t, func(e *editable) {
		for e.drop(e.find(t, 8, "linux")); ; e.drop(e.find(t, 8, "kernel_cmdline")) {
			if !bytes.Contains(e.raw(), []byte("kernel_cmdline")) {
				break
			}
		}
		e.records = append(e.records, line("kernel_cmdline: ", good), line("grub_cmd: ", "linux "+evil), line("grub_cmd: ", evil))
	})
	lines, err := r.CommandLines.Get()
	if err != nil || len(lines) != 2 || lines[1] != evil {
		t.Errorf("command lines %q, %v", lines, err)
	}
}

func TestStringThatDoesNotHashCostsAllStrings(t *testing.T) {
	r := vm(t, func(e *editable) {
		x := e.find(t, 8, "kernel_cmdline")
		x.data = bytes.Replace(x.data, []byte("lockdown"), []byte("LOCKDOWN"), 1)
	})
	if !r.Replays || r.CommandLines.Err() == nil || r.Commands.Err() == nil {
		t.Errorf("replays %v, %v, %v", r.Replays, r.CommandLines.Err(), r.Commands.Err())
	}
}

func TestHiddenStubLinesAreMissed(t *testing.T) {
	raw := sampleOf(t, "vm-secureboot")
	pcrs := replay(raw, sha256Bank, 0)
	pcrs[12] = bytes.Repeat([]byte{1}, 32)
	r := bootlog.Judge(raw, sha256Bank, pcrs)
	if err := r.CommandLines.Err(); err == nil || !strings.Contains(err.Error(), "register 12") {
		t.Errorf("register 12 was extended and the log has nothing for it: %v", err)
	}
	if !r.Replays {
		t.Error("register 12 is none of the firmware's")
	}
}

func TestMissingExitEventsAreCompleted(t *testing.T) {
	r := vm(t, func(e *editable) { e.drop(e.find(t, 5, "Invocation")); e.drop(e.find(t, 5, "Success")) })
	left, err := r.ExitBootServices.Get()
	if !r.Replays || err != nil || !left || len(r.Registers[5].Completed) != 2 {
		t.Errorf("replays %v, %v, %v, %v", r.Replays, left, err, r.Registers[5].Completed)
	}
	r = vm(t, func(e *editable) { e.drop(e.find(t, 5, "Invocation")) })
	differs(t, r, 5, r.ExitBootServices)
}

func TestRegistersOutsideTheQuoteGiveNoFacts(t *testing.T) {
	raw := sampleOf(t, "vm-secureboot")
	pcrs, _ := quoted(t, "vm-secureboot", sha256Bank, raw)
	delete(pcrs, 7)
	r := bootlog.Judge(raw, sha256Bank, pcrs)
	refused(t, r, "register 7 is not quoted")
	if r.Replays {
		t.Error("replays without register 7")
	}
}

func TestEmptyLogSaysNothing(t *testing.T) {
	raw := edit(sampleOf(t, "vm-secureboot")).header
	r := bootlog.Judge(raw, sha256Bank, zeros(sha256Bank))
	if r.Closed || r.SecureBoot.Err() == nil {
		t.Errorf("closed %v, secure boot %v", r.Closed, r.SecureBoot.Err())
	}
	pcrs, _ := quoted(t, "vm-secureboot", sha256Bank, raw)
	if r := bootlog.Judge(raw, sha256Bank, pcrs); r.Replays || r.Components.Err() == nil {
		t.Error("registers were extended and the log is empty")
	}
}

func TestMalformedLogsAreRefused(t *testing.T) {
	good := sampleOf(t, "vm-secureboot")
	le := binary.LittleEndian
	change := func(f func(e *editable)) []byte { e := edit(good); f(e); return e.raw() }
	algorithms := func(pairs ...uint16) []byte {
		spec := le.AppendUint32(append([]byte("Spec ID Event03\x00"), 0, 0, 0, 0, 0, 2, 0, 2), uint32(len(pairs)/2))
		for _, p := range pairs {
			spec = le.AppendUint16(spec, p)
		}
		return append(make([]byte, 4), append([]byte{3, 0, 0, 0}, append(make([]byte, 20), append(le.AppendUint32(nil, uint32(len(spec)+1)), append(spec, 0)...)...)...)...)
	}
	for name, c := range map[string]struct {
		raw    []byte
		reason string
	}{
		"nothing":               {nil, "shorter than an event"},
		"too large":             {make([]byte, attest.MaxLogSize+1), "limit"},
		"truncated":             {good[:len(good)-3], "ends within"},
		"garbage behind":        {append(bytes.Clone(good), 0), "ends within"},
		"bank missing":          {algorithms(0x0004, 20), "no bank"},
		"bank of another size":  {algorithms(0x000b, 48), "another size"},
		"bank twice":            {algorithms(0x000b, 32, 0x000b, 32), "twice"},
		"bank by truncation":    {algorithms(0x010b, 32), "unknown"},
		"header repeated":       {append(bytes.Clone(edit(good).header), good...), "no digest"},
		"header as an event":    {change(func(e *editable) { e.records = append(e.records, event(0, 3, e.header[32:], nil)) }), "second Spec ID"},
		"register out of range": {change(func(e *editable) { e.records[0].register = 24 }), "register 24"},
		"digest twice":          {change(func(e *editable) { e.records[0].digests[1] = e.records[0].digests[0] }), "twice"},
		"digest of no bank":     {change(func(e *editable) { e.records[0].digests[0].alg = 4 }), "not in the header"},
		"no digest":             {change(func(e *editable) { e.records[0].digests = nil }), "no digest"},
		"more events than the most": {change(func(e *editable) {
			e.records = append(e.records, slices.Repeat([]record{{typ: 3}}, bootlog.MaxEvents)...)
		}), "more than"},
	} {
		r := bootlog.Judge(c.raw, sha256Bank, zeros(sha256Bank))
		if r.Err == nil || !strings.Contains(r.Err.Error(), c.reason) || r.SecureBoot.Err() == nil || r.Files.Err() == nil {
			t.Errorf("%s: %v, want %q", name, r.Err, c.reason)
		}
	}
	if r := bootlog.Judge(good, 0x0004, nil); r.Err == nil {
		t.Error("SHA-1 is judged")
	}
}

func TestEventWithoutDigestOfTheBankCostsItsRegister(t *testing.T) {
	r := vm(t, func(e *editable) { x := e.find(t, 8, "set timeout"); x.digests = x.digests[1:] })
	differs(t, r, 8, r.Commands)
	if r.Registers[8].Replayed != nil {
		t.Error("replayed in part")
	}
}

// A digest of SHA-512 or SM3 makes both libraries refuse the whole log.
func TestForeignBanksDoNotCostSecureBoot(t *testing.T) {
	e := edit(sampleOf(t, "vm-secureboot"))
	spec := e.header[32:]
	le := binary.LittleEndian
	le.PutUint32(spec[24:], 4)
	grown := append(bytes.Clone(spec[:len(spec)-1]), 0x0d, 0, 64, 0, 0x12, 0, 32, 0, 0)
	e.header = append(le.AppendUint32(bytes.Clone(e.header[:28]), uint32(len(grown))), grown...)
	for i := range e.records {
		e.records[i].digests = append(e.records[i].digests, digestOf{0x0d, make([]byte, 64)}, digestOf{0x12, make([]byte, 32)})
	}
	e.records = append(e.records, event(1<<32-1, 3, []byte("nowhere"), nil))
	for _, bank := range []uint16{sha256Bank, sha384Bank} {
		pcrs, _ := quoted(t, "vm-secureboot", bank, nil)
		r := bootlog.Judge(e.raw(), bank, pcrs)
		if on, err := r.SecureBoot.Get(); !on || err != nil || !r.Replays {
			t.Errorf("bank %#x: %v, %v, %v, %+v", bank, on, err, r.Err, r.Opinions)
		}
	}
}
