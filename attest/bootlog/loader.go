package bootlog

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hallmark-attest/hallmark/attest"
)

// loader reads what boot loaders measure: GRUB strings into register 8 and files
// into 9 (GRUB manual, "Measured Boot"), systemd-boot and its stub the load
// options into 12, before version 250 into 8, the kernel's EFI stub load options
// and initrd into 9.
func (v view) loader(r *Report) {
	commands, err := v.strings(8)
	lines := candidates(commands)
	r.Commands = fact(texts(commands), err)
	switch stub, stubErr := v.stubLines(); {
	case err != nil:
		r.CommandLines = NotKnown[[]string](err)
	case stubErr != nil:
		r.CommandLines = NotKnown[[]string](stubErr)
	default:
		lines = append(lines, stub...)
		slices.Sort(lines)
		lines = slices.Compact(lines)
		r.CommandLines = Known(lines)
		if len(lines) == 0 {
			r.CommandLines = NotKnown[[]string](errors.New("registers 8 and 12: no boot loader measured a command line"))
		}
	}
	r.Files = fact(v.files(lines))
}

// stubLines reads register 12. It has to replay even where the log has nothing
// for it: else the events could have been left out.
func (v view) stubLines() ([]string, error) {
	l, err := v.strings(12)
	return texts(l), err
}

// line is a measured string.
type line struct {
	label string // the prefix that GRUB logs and does not measure; none: systemd's
	text  string
}

func texts(lines []line) []string {
	out := []string{}
	for _, l := range lines {
		out = append(out, l.text)
	}
	return out
}

// strings reads all events of a register as strings. One that is not a string
// whose bytes give the digest fails all: it might be the one that counts.
func (v view) strings(register uint) ([]line, error) {
	events, err := v.events(register)
	if err != nil {
		return nil, err
	}
	var out []line
	for _, e := range events {
		if _, ok := v.separator(e); ok {
			continue
		}
		l, ok := v.line(e)
		if !ok {
			return nil, fmt.Errorf("register %d, event %d: not a string that gives the digest", register, e.number)
		}
		out = append(out, l)
	}
	return out, nil
}

// prefixes are GRUB's, and those of older Fedora and Red Hat.
var prefixes = [...]string{"grub_cmd: ", "kernel_cmdline: ", "module_cmdline: ", "grub_kernel_cmdline ", "grub_cmd "}

func (v view) line(e event) (line, bool) {
	if e.digest == nil || len(e.data) > MaxLine {
		return line{}, false
	}
	for _, p := range prefixes {
		if rest, ok := bytes.CutPrefix(e.data, []byte(p)); ok {
			if l, ok := v.grubLine(p, rest, e); ok {
				return l, true
			}
		}
	}
	// systemd-boot measures UTF-16 with its end; some firmware logs one byte less.
	for _, b := range [][]byte{e.data, append(bytes.Clone(e.data), 0)} {
		if s, end := bytes.CutSuffix(b, []byte{0, 0}); end && len(b)%2 == 0 && v.hashes(b, e) {
			text := utf16Text(s)
			return line{text: text}, bytes.Equal(utf16Bytes(text), s) && !strings.Contains(text, "\x00")
		}
	}
	return line{}, false
}

// grubLine accepts what GRUB measured: the string without prefix, mostly without its final NUL.
func (v view) grubLine(prefix string, b []byte, e event) (line, bool) {
	whole := b
	b = bytes.TrimSuffix(b, []byte{0})
	if !v.hashes(b, e) && !v.hashes(whole, e) || !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		return line{}, false
	}
	return line{prefix, string(b)}, true
}

// candidates are the strings that may be the kernel's command line. Labels can
// be exchanged, and whoever writes grub.cfg can have any string measured. What
// cannot be done is to start a kernel without measuring both the command
// ("linux /vmlinuz ...") and the line (which begins with a file name, absolute
// or on a device), so every string counts that has one of these forms, or the label.
//
// GRUB quotes arguments in the line and not in the command; a command that is a
// line without its quotes is not listed beside it.
func candidates(lines []line) []string {
	var out, commands []string
	for _, l := range lines {
		word, rest, _ := strings.Cut(l.text, " ")
		switch {
		case slices.Contains(starters[:], word):
			commands = append(commands, rest)
		case l.label == "" || strings.HasPrefix(l.text, "/") || strings.HasPrefix(l.text, "(") || strings.Contains(l.label, "kernel_cmdline"):
			out = append(out, l.text)
		}
	}
	bare := map[string]bool{}
	for _, l := range out {
		bare[unquoted.Replace(l)] = true
	}
	for _, c := range commands {
		if !bare[c] {
			out = append(out, c)
		}
	}
	return out
}

// starters are GRUB's commands that load what boots and give it arguments.
var starters = [...]string{"linux", "linuxefi", "linux16", "chainloader", "multiboot", "multiboot2", "xen_hypervisor", "xen_linux", "legacy_kernel", "kernel"}

// unquoted undoes the quoting of GRUB's grub_create_loader_cmdline.
var unquoted = strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\"`, `"`, `"`, ``)

// files lists every event of register 9: names and types are labels. The kernel
// measures its load options there too, which GRUB makes of the command line
// (chainloader: of the arguments alone); one that is explained by a known line is marked, and the others stay what they look like.
func (v view) files(lines []string) ([]Measured, error) {
	events, err := v.events(9)
	if err != nil {
		return nil, err
	}
	options := map[string]bool{}
	for _, l := range lines {
		_, arguments, _ := strings.Cut(l, " ")
		for _, s := range []string{"BOOT_IMAGE=" + l, l, arguments} {
			options[string(v.sum(utf16Bytes(s)))] = true
			options[string(v.sum(utf16Bytes(s+"\x00")))] = true
		}
	}
	out := []Measured{}
	for _, e := range events {
		m := Measured{Digest: e.digest, Label: fileLabel(e)}
		if options[string(e.digest)] {
			m.Value = "load options"
		}
		out = append(out, m)
	}
	return out, nil
}

// fileLabel reads the name of a file, or the text of a TCG_PCClientTaggedEvent.
func fileLabel(e event) string {
	if e.typ == EventTag && len(e.data) > 8 {
		return label(e.data[8:])
	}
	return label(bytes.Clone(e.data[:min(len(e.data), attest.MaxText)]))
}
