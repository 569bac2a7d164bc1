package agent

import (
	"context"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/host"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// maxModulesDep bounds the kernel's module index; a distribution's has about one megabyte.
const maxModulesDep = 16 << 20

// Probed identifies what answers for the GPUs: the agent's and the probe's
// executables, the NVML library the probe has mapped and the driver's file. It
// reads them through the probe's own mappings, for whoever replaces a library
// also replaces what the library says of itself. Each is hashed once per
// process: map_files leads to the inode in use, which cannot be exchanged under it.
type Probed struct {
	Proc proc.FS
	Root string     // of the host, for its kernel modules
	PID  func() int // of the running probe; zero or less: none
	// Library is the base name's beginning, "libnvidia-ml.so".
	Library string
	Log     *slog.Logger

	mu       sync.Mutex
	software attest.Software
	pid      int
	start    uint64
	library  *host.MappedFile
	why      error
	module   *host.MappedFile
	modStat  string // of the module's file when it was hashed
}

// MeasureSelf identifies the agent's own executable.
func (p *Probed) MeasureSelf(ctx context.Context) error {
	f, err := p.Proc.OpenExe(os.Getpid())
	if err != nil {
		return err
	}
	defer f.Close()
	d, err := fileDigest(ctx, f)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.software.Agent = d
	return nil
}

// Software returns what was identified so far.
func (p *Probed) Software() attest.Software {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.software
}

// Complete puts library and module into the host's claims.
func (p *Probed) Complete(ctx context.Context, c *host.Claims) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.follow(ctx)
	switch {
	case p.library != nil:
		c.SetNVMLLibrary(*p.library)
	case p.PID == nil:
		c.SetNVMLAbsent(attest.NotConfigured, "gpu.library is none")
	case p.why != nil:
		c.SetNVMLAbsent(proc.Reason(p.why), "%s", attest.Clean(p.why.Error()))
	default:
		c.SetNVMLAbsent(attest.NotLoaded, "the GPU probe is not running")
	}
	p.setModule(ctx, c)
}

// follow identifies a probe process that was not seen before. A library that
// could not be read is tried again: the probe may not have opened it yet.
func (p *Probed) follow(ctx context.Context) {
	pid := 0
	if p.PID != nil {
		pid = p.PID()
	}
	if pid <= 0 {
		p.pid, p.library, p.why, p.software.Probe = 0, nil, nil, nil
		return
	}
	st, err := p.Proc.Stat(pid)
	if err != nil {
		p.pid, p.library, p.why, p.software.Probe = 0, nil, err, nil
		return
	}
	if p.pid != pid || p.start != st.StartTicks {
		p.pid, p.start, p.library, p.software.Probe = pid, st.StartTicks, nil, nil
	}
	if p.software.Probe == nil {
		p.software.Probe = p.executable(ctx, pid)
	}
	if p.library == nil {
		m, err := host.Mapped(ctx, p.Proc, pid, p.Library)
		if p.why = err; err == nil {
			p.library = &m
		}
	}
}

func (p *Probed) executable(ctx context.Context, pid int) *attest.FileDigest {
	f, err := p.Proc.OpenExe(pid)
	if err == nil {
		defer f.Close()
		var d *attest.FileDigest
		if d, err = fileDigest(ctx, f); err == nil {
			return d
		}
	}
	p.Log.Warn("the GPU probe's executable could not be identified", "err", err)
	return nil
}

func fileDigest(ctx context.Context, f *os.File) (*attest.FileDigest, error) {
	m, err := host.Measure(ctx, f, f.Name())
	if err != nil {
		return nil, err
	}
	return &attest.FileDigest{Size: m.SizeBytes, FSVerity: attest.Digest(m.FSVerity), SHA256: attest.Digest(m.SHA256)}, nil
}

// setModule states the driver's file on disk. It is what would be loaded next
// time; that it is what runs is for build id and srcversion of the loaded module to say.
func (p *Probed) setModule(ctx context.Context, c *host.Claims) {
	if c.NVIDIAModule == nil || c.System == nil {
		return // Read has stated why
	}
	f, err := p.openModule(c.System.KernelVersion)
	if err != nil {
		c.SetModuleFileAbsent(proc.Reason(err), "%s", attest.Clean(err.Error()))
		return
	}
	defer f.Close()
	st, err := f.Stat()
	if err == nil && (p.module == nil || p.modStat != statID(st)) {
		var m host.MappedFile
		if m, err = host.Measure(ctx, f, f.Name()); err == nil {
			p.module, p.modStat = &m, statID(st)
		}
	}
	if err != nil {
		c.SetModuleFileAbsent(proc.Reason(err), "%s", attest.Clean(err.Error()))
		return
	}
	c.SetModuleFile(*p.module)
}

// openModule finds nvidia.ko through the kernel's own index, modules.dep(5).
func (p *Probed) openModule(kernel string) (*os.File, error) {
	dir := filepath.Join(p.Root, "lib/modules", filepath.Base(kernel))
	index, err := proc.ReadFile(filepath.Join(dir, "modules.dep"), maxModulesDep)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(index)) {
		name, _, _ := strings.Cut(line, ":")
		if base := path.Base(name); base == "nvidia.ko" || strings.HasPrefix(base, "nvidia.ko.") {
			return proc.OpenRegular(filepath.Join(dir, filepath.Clean("/"+name)))
		}
	}
	return nil, &os.PathError{Op: "find nvidia.ko in", Path: filepath.Join(dir, "modules.dep"), Err: os.ErrNotExist}
}

func statID(st os.FileInfo) string {
	return st.ModTime().String() + "/" + st.Name() + "/" + inodeOf(st)
}
