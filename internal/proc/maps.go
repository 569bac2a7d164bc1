package proc

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Mapping is one line of /proc/PID/maps that maps a file.
type Mapping struct {
	Start, End uint64
	Perms      string // four characters: r w x, then p(rivate) or s(hared)
	Offset     uint64
	Dev        uint64 // as unix.Mkdev; some file systems (btrfs, overlays) print another device here than stat does
	Inode      uint64
	Path       string // as the process's mount namespace sees it, without the mark below
	Deleted    bool   // the name no longer leads to this inode
}

// Executable reports whether the mapping may be executed.
func (m Mapping) Executable() bool { return m.Perms[2] == 'x' }

// Range is the mapping's name in /proc/PID/map_files.
func (m Mapping) Range() string { return fmt.Sprintf("%x-%x", m.Start, m.End) }

// ParseMaps parses /proc/PID/maps (proc_pid_maps(5)) and returns the lines that
// map a file; anonymous memory, the stack and the like are checked and skipped.
func ParseMaps(b []byte) ([]Mapping, error) {
	if len(b) > MaxMaps {
		return nil, fmt.Errorf("maps: %w of %d bytes", ErrOversize, MaxMaps)
	}
	var out []Mapping
	n := 0
	for line := range bytes.Lines(b) {
		if n++; n > MaxMappings {
			return nil, fmt.Errorf("maps: %w of %d lines", ErrOversize, MaxMappings)
		}
		m, err := parseMapping(strings.TrimSuffix(string(line), "\n"))
		if err != nil {
			return nil, fmt.Errorf("maps: line %d: %w", n, err)
		}
		if m.Inode != 0 && strings.HasPrefix(m.Path, "/") {
			out = append(out, m)
		}
	}
	return out, nil
}

func parseMapping(line string) (m Mapping, err error) {
	var f [5]string
	rest := line
	for i := range f {
		var ok bool
		if f[i], rest, ok = strings.Cut(rest, " "); !ok && i < 4 {
			return m, ErrSyntax
		}
	}
	start, end, _ := strings.Cut(f[0], "-")
	major, minor, _ := strings.Cut(f[3], ":")
	var maj, mnr uint64
	for _, p := range []struct {
		to   *uint64
		s    string
		base int
		bits int
	}{{&m.Start, start, 16, 64}, {&m.End, end, 16, 64}, {&m.Offset, f[2], 16, 64}, {&maj, major, 16, 32}, {&mnr, minor, 16, 32}, {&m.Inode, f[4], 10, 64}} {
		if *p.to, err = strconv.ParseUint(p.s, p.base, p.bits); err != nil {
			return m, ErrSyntax
		}
	}
	if m.Start >= m.End || !validPerms(f[1]) {
		return m, ErrSyntax
	}
	m.Perms, m.Dev = f[1], unix.Mkdev(uint32(maj), uint32(mnr))
	m.Path, m.Deleted = strings.CutSuffix(strings.TrimLeft(rest, " "), " (deleted)")
	return m, nil
}

func validPerms(s string) bool {
	if len(s) != 4 {
		return false
	}
	for i, set := range [4]string{"r-", "w-", "x-", "ps"} {
		if strings.IndexByte(set, s[i]) < 0 {
			return false
		}
	}
	return true
}

// Maps reads the file mappings of a process.
func (f FS) Maps(pid int) ([]Mapping, error) {
	b, err := ReadFile(f.Path(pid, "maps"), MaxMaps)
	if err != nil {
		return nil, err
	}
	return ParseMaps(b)
}
