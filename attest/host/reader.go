package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

const (
	maxAttribute = 4 << 10 // sysfs attributes are one page
	maxIMAPolicy = 1 << 20
	how          = "read from sysfs, procfs and gopsutil by the agent"
)

// Reader reads a host's claims.
type Reader struct {
	// Root is the host's root directory, with proc and sys mounted in it:
	// os.DirFS("/"), or a tree made by a test.
	Root fs.FS
	// System reads the operating system, CPU and memory: sysinfo.Reader.Read.
	// Nil states them as not configured.
	System func(context.Context) (*System, []attest.Absence)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Serials lets serial numbers of board and chassis into the claims. They
	// identify the owner's machine across operators, hence off by default.
	Serials bool
	// Cmdline lets the kernel command line into the claims. Operators keep
	// addresses and sometimes keys there, hence off by default.
	Cmdline bool
}

// reading is one run of a Reader.
type reading struct {
	*Reader
	absent proc.Absences
}

// Read collects the claims. What cannot be read is an absence; after ctx ends
// the parts not yet read are absent with reason timeout.
func (r *Reader) Read(ctx context.Context) *Claims {
	w := &reading{Reader: r}
	c := &Claims{How: how}
	steps := []struct {
		what string
		do   func()
	}{
		{"system", func() { c.System = w.system(ctx) }},
		{"pci", func() { c.PCI = w.pci(ctx) }},
		{"rdma", func() { c.RDMA = w.rdma(ctx) }},
		{"dmi", func() { c.DMI = w.dmi() }},
		{"kernel", func() { c.Kernel = w.kernel() }},
		{"nvidia", func() { c.NVIDIA = w.nvidia() }},
		{"nvidia_module", func() { c.NVIDIAModule = w.module() }},
	}
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			w.absent.Err(s.what, err)
			continue
		}
		s.do()
	}
	w.absent.Add(whatNVML, attest.NotLoaded, "no GPU probe has the library mapped")
	w.absent.Add(whatModule, attest.NotAsked, "the reader does not look for the module's file")
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	c.ObtainedAt = uint64(now().UnixMilli())
	c.Absent = w.absent.List()
	return c
}

func (w *reading) system(ctx context.Context) *System {
	if w.System == nil {
		w.absent.Add("system", attest.NotConfigured, "no system reader")
		return nil
	}
	s, absent := w.Reader.System(ctx)
	w.absent.Append(absent)
	return s
}

// raw returns a file's bytes, at most limit.
func (w *reading) raw(name string, limit int64) ([]byte, error) {
	f, err := w.Root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, fmt.Errorf("%s: %w of %d bytes", name, proc.ErrOversize, limit)
	}
	return b, err
}

// text returns an attribute without its line end, fit to stand in claims.
func (w *reading) text(name string) (string, error) {
	b, err := w.raw(name, maxAttribute)
	return strings.TrimSpace(attest.Clean(string(b))), err
}

// optional reads an attribute into to; failing, it states what is absent.
func (w *reading) optional(what, name string, to *string) {
	s, err := w.text(name)
	if err != nil {
		w.absent.Err(what, err)
		return
	}
	*to = s
}

// list returns a directory's names, sorted, at most limit of them.
func (w *reading) list(what, dir string, limit int) []string {
	entries, err := fs.ReadDir(w.Root, dir)
	if err != nil && len(entries) == 0 {
		w.absent.Err(what, err)
		return nil
	}
	if len(entries) > limit {
		w.absent.Add(what, attest.Oversize, "%d entries, the first %d stated", len(entries), limit)
		entries = entries[:limit]
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// link returns the last element of a symbolic link's target; "" if there is none.
func (w *reading) link(name string) (string, error) {
	s, err := fs.ReadLink(w.Root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	s = attest.Clean(s)
	return s[strings.LastIndexByte(s, '/')+1:], err
}
