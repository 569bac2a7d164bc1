package proc

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// FD is one open descriptor of a process.
type FD struct {
	Num    int
	Target string // what the link reads: a path, "socket:[1]", "anon_inode:…"
}

// SocketInode returns the inode of the socket the descriptor holds, if it holds one.
func (d FD) SocketInode() (uint64, bool) {
	s, ok := strings.CutPrefix(d.Target, "socket:[")
	if !ok || !strings.HasSuffix(s, "]") {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 64)
	return n, err == nil
}

// FDs lists a process's descriptors in order. One that closes meanwhile is left out.
func (f FS) FDs(pid int) ([]FD, error) {
	d, err := openDir(f.Path(pid, "fd"))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := readDir(d, MaxFDs)
	if err != nil {
		return nil, err
	}
	out := make([]FD, 0, len(names))
	var buf [unix.PathMax]byte
	for _, name := range names {
		n, err := number(name)
		if err != nil {
			return nil, fmt.Errorf("descriptor %q: %w", name, ErrSyntax)
		}
		// Relative to the open directory: a walk reads tens of thousands of these.
		if size, err := unix.Readlinkat(int(d.Fd()), name, buf[:]); err == nil {
			out = append(out, FD{n, string(buf[:size])})
		}
	}
	slices.SortFunc(out, func(a, b FD) int { return a.Num - b.Num })
	return out, nil
}

// HoldsSocket reports whether descriptor fd of a process is the socket of this inode.
func (f FS) HoldsSocket(pid, fd int, inode uint64) bool {
	target, err := os.Readlink(f.Path(pid, "fd", strconv.Itoa(fd)))
	n, ok := FD{fd, target}.SocketInode()
	return err == nil && ok && n == inode
}

// Exe reads the name of a process's executable. It is only a name; OpenExe is the thing itself.
func (f FS) Exe(pid int) (path string, deleted bool, err error) {
	s, err := os.Readlink(f.Path(pid, "exe"))
	path, deleted = strings.CutSuffix(s, " (deleted)")
	return path, deleted, err
}

// Cmdline returns a process's arguments. The process can overwrite them at will.
func (f FS) Cmdline(pid int) ([]string, error) {
	return f.list(pid, "cmdline", MaxCmdline)
}

// Environ returns the environment a process was started with, as "NAME=value".
// It usually holds secrets: pick by name, never pass it on.
func (f FS) Environ(pid int) ([]string, error) {
	return f.list(pid, "environ", MaxEnviron)
}

func (f FS) list(pid int, name string, limit int) ([]string, error) {
	b, err := readWhole(f.Path(pid, name), limit)
	if err != nil {
		return nil, err
	}
	return ParseList(b)
}

// ParseList splits NUL-terminated strings (proc_pid_cmdline(5)). A process that
// renamed itself leaves a run of terminators behind, which are dropped.
func ParseList(b []byte) ([]string, error) {
	s := strings.TrimRight(string(b), "\x00")
	if s == "" {
		return nil, nil
	}
	if strings.Count(s, "\x00") >= MaxArgs {
		return nil, fmt.Errorf("%w of %d strings", ErrOversize, MaxArgs)
	}
	return strings.Split(s, "\x00"), nil
}

// Cgroup returns a process's control group: the unified one, or of the first
// hierarchy on a host that still has several (cgroups(7), /proc/PID/cgroup).
func (f FS) Cgroup(pid int) (string, error) {
	b, err := readWhole(f.Path(pid, "cgroup"), MaxCgroup)
	if err != nil {
		return "", err
	}
	return ParseCgroup(b)
}

// ParseCgroup parses /proc/PID/cgroup: lines "hierarchy:controllers:path".
func ParseCgroup(b []byte) (string, error) {
	first, found := "", false
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) != 3 || !strings.HasPrefix(f[2], "/") {
			return "", fmt.Errorf("cgroup: %w", ErrSyntax)
		}
		if f[0] == "0" && f[1] == "" && f[2] != "/" {
			return f[2], nil
		}
		if !found || first == "/" {
			first, found = f[2], true
		}
	}
	if !found {
		return "", fmt.Errorf("cgroup: no line: %w", ErrSyntax)
	}
	return first, nil
}

// Namespace returns the inode that names a process's namespace: "net", "mnt", "pid", "user".
func (f FS) Namespace(pid int, kind string) (uint64, error) {
	s, err := os.Readlink(f.Path(pid, "ns", kind))
	if err != nil {
		return 0, err
	}
	v, ok := strings.CutPrefix(s, kind+":[")
	n, err := strconv.ParseUint(strings.TrimSuffix(v, "]"), 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("namespace %q: %w", s, ErrSyntax)
	}
	return n, nil
}

// Self returns the calling process's id as this proc file system counts it,
// which differs from os.Getpid where the mount belongs to another namespace.
func (f FS) Self() (int, error) {
	s, err := os.Readlink(filepath.Join(f.Root, "self"))
	if err != nil {
		return 0, err
	}
	return number(s)
}

// HasAddress reports whether the IPv4 address belongs to the network namespace
// of process pid, by the kernel's own routing table (/proc/PID/net/fib_trie
// prints "|-- ADDRESS" and below it "/32 host LOCAL").
func (f FS) HasAddress(pid int, ip netip.Addr) (bool, error) {
	b, err := ReadFile(f.Path(pid, "net", "fib_trie"), MaxNet)
	if err != nil {
		return false, err
	}
	want, hit := "|-- "+ip.String(), false
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "|-- ") {
			hit = line == want
		} else if hit && line == "/32 host LOCAL" {
			return true, nil
		}
	}
	return false, nil
}
