package tdx

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/google/go-configfs-tsm/configfs/configfsi"
)

// HostOptions say what a TD's kernel offers. The zero value is a TD with everything that Linux 6.16 has.
type HostOptions struct {
	NotATD         bool // a machine whose processor says nothing of TDX; nothing else is there then
	NoConfigfs     bool // configfs is not mounted
	NoTSM          bool // module tsm is not loaded
	NoMeasurements bool // a kernel before 6.16: RTMRs can neither be read nor extended
	ReadOnlyRTMR   bool // the program may read the measurements and not write them
	NoCCEL         bool // firmware without event log
	CCELLog        []byte
}

// Host is a TD as a program inside it sees it: the TSM tree, and the files of /sys and /proc that concern TDX.
type Host struct {
	TSM  *TSM
	TD   *TD
	root string
	o    HostOptions

	mu   sync.Mutex
	fail []error
}

// Paths of the kernel's interfaces.
const (
	measurements = "/sys/devices/virtual/misc/tdx_guest/measurements"
	ccelTable    = "/sys/firmware/acpi/tables/CCEL"
	ccelLog      = "/sys/firmware/acpi/tables/data/CCEL"
	cpuinfo      = "/proc/cpuinfo"
)

// NewHost lays the files of a TD's kernel out under root.
func NewHost(root string, td *TD, o HostOptions) (*Host, error) {
	h := &Host{root: root, TD: td, o: o, TSM: &TSM{root: root, td: td, provider: "tdx_guest", fail: map[string][]error{}}}
	flags := "flags\t\t: fpu vme de tdx_guest rdrand\n"
	if o.NotATD {
		flags = "flags\t\t: fpu vme de rdrand\n"
	}
	if err := h.put(cpuinfo, []byte("processor\t: 0\n"+flags)); err != nil {
		return nil, err
	}
	if !o.NoConfigfs {
		dir := configfsi.TsmPrefix + "/report"
		if o.NoTSM || o.NotATD {
			dir = filepath.Dir(configfsi.TsmPrefix)
		}
		if err := os.MkdirAll(h.real(dir), 0o755); err != nil {
			return nil, fmt.Errorf("synthetic tdx: %w", err)
		}
	}
	if o.NotATD {
		return h, nil
	}
	if !o.NoMeasurements {
		if err := h.layMeasurements(); err != nil {
			return nil, err
		}
	}
	if o.NoCCEL {
		return h, nil
	}
	if err := h.put(ccelTable, table(len(o.CCELLog))); err != nil {
		return nil, err
	}
	return h, h.put(ccelLog, o.CCELLog)
}

func (h *Host) layMeasurements() error {
	m := h.TD.Measurements()
	files := map[string][]byte{"mrtd:sha384": m.MRTD[:], "mrconfigid": m.MRConfigID[:], "mrowner": m.MROwner[:], "mrownerconfig": m.MROwnerConfig[:]}
	for i := range m.RTMR {
		files[fmt.Sprintf("rtmr%d:sha384", i)] = m.RTMR[i][:]
	}
	for name, value := range files {
		if err := h.put(measurements+"/"+name, value); err != nil {
			return err
		}
	}
	return nil
}

// table is an ACPI table CCEL (ACPI 6.5, 5.2.34) of a TDX guest.
func table(log int) []byte {
	b := make([]byte, 56)
	copy(b, "CCEL")
	le.PutUint32(b[4:], 56)
	b[8] = 1 // revision
	copy(b[10:], "HALLMKSYNTHTDX")
	b[36] = 2 // CC type: TDX
	le.PutUint64(b[40:], uint64(log))
	le.PutUint64(b[48:], 0x7f000000)
	var sum byte
	for _, c := range b {
		sum += c
	}
	b[9] = -sum
	return b
}

func (h *Host) real(name string) string { return filepath.Join(h.root, name) }

func (h *Host) put(name string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(h.real(name)), 0o755); err != nil {
		return fmt.Errorf("synthetic tdx: %w", err)
	}
	if err := os.WriteFile(h.real(name), b, 0o644); err != nil {
		return fmt.Errorf("synthetic tdx: %w", err)
	}
	return nil
}

// Read returns at most limit bytes of a file.
func (h *Host) Read(name string, limit int) ([]byte, error) {
	f, err := os.Open(h.real(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(limit)))
}

// Access says whether a file is there and, with write, may be written.
func (h *Host) Access(name string, write bool) error {
	if write && h.o.ReadOnlyRTMR {
		return &os.PathError{Op: "access", Path: name, Err: syscall.EACCES}
	}
	_, err := os.Stat(h.real(name))
	return err
}

// Write writes to a file at offset 0, as one system call. It is here that an RTMR extends, which is the one thing that a file
// cannot do: 48 bytes, into the TD and so into every later quote; the file then shows the new value. Other lengths are EINVAL.
func (h *Host) Write(name string, b []byte) error {
	if err := h.Access(name, true); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.fail) > 0 {
		err := h.fail[0]
		h.fail = h.fail[1:]
		return &os.PathError{Op: "write", Path: name, Err: err}
	}
	var i int
	if n, err := fmt.Sscanf(strings.TrimPrefix(name, measurements+"/"), "rtmr%d:sha384", &i); n != 1 || err != nil || i < 0 || i > 3 || len(b) != 48 {
		return &os.PathError{Op: "write", Path: name, Err: syscall.EINVAL}
	}
	h.TD.Extend(i, Register(b))
	value := h.TD.Measurements().RTMR[i]
	return h.put(name, bytes.Clone(value[:]))
}

// FailWrites lets the next writes fail with these errors and do nothing.
func (h *Host) FailWrites(errs ...error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fail = append(h.fail, errs...)
}
