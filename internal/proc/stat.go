package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// TicksPerSecond is USER_HZ, the unit of start times in /proc/PID/stat. It is
// 100 on every architecture this project builds for.
const TicksPerSecond = 100

const kernelThread = 0x00200000 // PF_KTHREAD, include/linux/sched.h

// Stat is what we use of /proc/PID/stat (proc_pid_stat(5)).
type Stat struct {
	PID        int
	Comm       string // field 2: chosen by the process, at most 15 bytes
	State      byte
	PPID       int
	Kernel     bool   // PF_KTHREAD of field 9: a kernel thread, which has no descriptors
	StartTicks uint64 // field 22: since boot, in 1/TicksPerSecond; tells a reused process id
}

// ParseStat parses /proc/PID/stat. The name may hold blanks and parentheses, so
// the last closing one ends it.
func ParseStat(b []byte) (Stat, error) {
	var s Stat
	bad := func(what string) (Stat, error) { return Stat{}, fmt.Errorf("stat: %s: %w", what, ErrSyntax) }
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if len(b) > MaxStat || open < 2 || end < open {
		return bad("name")
	}
	var err error
	if s.PID, err = number(string(b[:open-1])); err != nil || b[open-1] != ' ' {
		return bad("process id")
	}
	s.Comm = string(b[open+1 : end])
	f := bytes.Fields(b[end+1:]) // f[0] is field 3
	if len(f) < 20 || len(f[0]) != 1 {
		return bad("fields")
	}
	s.State = f[0][0]
	if s.PPID, err = number(string(f[1])); err != nil {
		return bad("parent")
	}
	flags, err := strconv.ParseUint(string(f[6]), 10, 32)
	if err != nil {
		return bad("flags")
	}
	s.Kernel = flags&kernelThread != 0
	if s.StartTicks, err = strconv.ParseUint(string(f[19]), 10, 64); err != nil {
		return bad("start time")
	}
	return s, nil
}

// number reads a process id or descriptor: decimal digits and nothing else.
func number(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err
}

// Stat reads a process's parent and start time.
func (f FS) Stat(pid int) (Stat, error) {
	b, err := readWhole(f.Path(pid, "stat"), MaxStat)
	if err != nil {
		return Stat{}, err
	}
	s, err := ParseStat(b)
	if err == nil && s.PID != pid {
		return Stat{}, fmt.Errorf("stat of process %d says %d: %w", pid, s.PID, ErrSyntax)
	}
	return s, err
}

// BootTime returns the start of the kernel's clock in Unix seconds ("btime" of
// /proc/stat). It moves when the wall clock is set.
func (f FS) BootTime() (uint64, error) {
	b, err := ReadFile(filepath.Join(f.Root, "stat"), MaxMaps)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(b) {
		if v, ok := bytes.CutPrefix(line, []byte("btime ")); ok {
			return strconv.ParseUint(string(bytes.TrimSpace(v)), 10, 64)
		}
	}
	return 0, fmt.Errorf("stat: no btime: %w", ErrSyntax)
}

// LastPID returns the process or thread id that was given out last (last field
// of /proc/loadavg). The kernel counts in the reader's PID namespace, not in the
// mount's; ErrSyntax if the two may differ, for then it says nothing about this tree.
func (f FS) LastPID() (int, error) {
	if self, err := f.Self(); err != nil || self != os.Getpid() {
		return 0, fmt.Errorf("loadavg: another PID namespace than the mount's: %w", ErrSyntax)
	}
	b, err := readWhole(filepath.Join(f.Root, "loadavg"), MaxStat)
	if err != nil {
		return 0, err
	}
	return ParseLastPID(b)
}

// ParseLastPID parses /proc/loadavg (proc_loadavg(5)): three loads, running/all, last id.
func ParseLastPID(b []byte) (int, error) {
	f := bytes.Fields(b)
	if len(b) > MaxStat || len(f) != 5 {
		return 0, fmt.Errorf("loadavg: %w", ErrSyntax)
	}
	n, err := number(string(f[4]))
	if err != nil {
		return 0, fmt.Errorf("loadavg: last process id: %w", ErrSyntax)
	}
	return n, nil
}

// UID returns the user id that owns a process's directory: its effective user,
// or root for a process that may not be traced.
func (f FS) UID(pid int) (uint32, error) {
	info, err := os.Stat(f.Path(pid))
	if err != nil {
		return 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("owner of process %d: %w", pid, ErrSyntax)
	}
	return st.Uid, nil
}
