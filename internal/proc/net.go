package proc

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strconv"
	"strings"
)

// Listener is one listening TCP socket.
type Listener struct {
	Addr  netip.AddrPort
	UID   uint32 // of the process that created it
	Inode uint64 // as in the link "socket:[INODE]" of the descriptors that hold it
}

const stateListen = "0A" // TCP_LISTEN, include/net/tcp_states.h

// ParseTCP parses /proc/net/tcp or tcp6 (proc_pid_net(5)) and returns the
// listening sockets. Addresses are printed as 32-bit words of the host's byte
// order, which is little-endian on every architecture this project builds for.
func ParseTCP(b []byte) ([]Listener, error) {
	if len(b) > MaxNet {
		return nil, fmt.Errorf("tcp: %w of %d bytes", ErrOversize, MaxNet)
	}
	var out []Listener
	n := 0
	for line := range bytes.Lines(b) {
		if n++; n == 1 {
			continue // column names
		}
		f := strings.Fields(string(line))
		if len(f) < 10 {
			return nil, fmt.Errorf("tcp: line %d: %w", n, ErrSyntax)
		}
		if f[3] != stateListen {
			continue
		}
		l, err := parseListener(f)
		if err != nil {
			return nil, fmt.Errorf("tcp: line %d: %w", n, err)
		}
		if out = append(out, l); len(out) > MaxSockets {
			return nil, fmt.Errorf("tcp: %w of %d listeners", ErrOversize, MaxSockets)
		}
	}
	return out, nil
}

func parseListener(f []string) (l Listener, err error) {
	addr, port, _ := strings.Cut(f[1], ":")
	raw, err := hex.DecodeString(addr)
	if err != nil || (len(raw) != 4 && len(raw) != 16) {
		return l, ErrSyntax
	}
	for i := 0; i < len(raw); i += 4 {
		binary.BigEndian.PutUint32(raw[i:], binary.LittleEndian.Uint32(raw[i:]))
	}
	ip, _ := netip.AddrFromSlice(raw)
	p, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return l, ErrSyntax
	}
	uid, err := strconv.ParseUint(f[7], 10, 32)
	if err != nil {
		return l, ErrSyntax
	}
	if l.Inode, err = strconv.ParseUint(f[9], 10, 64); err != nil {
		return l, ErrSyntax
	}
	l.Addr, l.UID = netip.AddrPortFrom(ip, uint16(p)), uint32(uid)
	return l, nil
}

// Listeners returns the listening TCP sockets of the network namespace that
// process pid lives in. A kernel without IPv6 has no second table.
func (f FS) Listeners(pid int) ([]Listener, error) {
	var out []Listener
	for _, name := range []string{"tcp", "tcp6"} {
		b, err := ReadFile(f.Path(pid, "net", name), MaxNet)
		if name == "tcp6" && errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, err
		}
		l, err := ParseTCP(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, l...)
	}
	return out, nil
}
