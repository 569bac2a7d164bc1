package engine

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"

	"github.com/hallmark-attest/hallmark/internal/proc"
)

// snapshot is what one Collect reads of the whole process table, once for all engines.
type snapshot struct {
	fs       proc.FS
	self     int
	stats    map[int]proc.Stat
	children map[int][]int
	holders  map[uint64][]int // socket inode -> processes, by id
	denied   int              // processes whose descriptors may not be read
}

// takeSnapshot lists processes and the sockets they hold. Processes come and go
// meanwhile; one that cannot be read any more is left out.
func takeSnapshot(ctx context.Context, p proc.FS) (*snapshot, error) {
	self, err := p.Self()
	if err != nil {
		return nil, fmt.Errorf("own process: %w", err)
	}
	pids, err := p.PIDs()
	if err != nil {
		return nil, err
	}
	s := &snapshot{fs: p, self: self, stats: map[int]proc.Stat{}, children: map[int][]int{}, holders: map[uint64][]int{}}
	for _, pid := range pids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		st, err := p.Stat(pid)
		if err != nil {
			continue
		}
		s.stats[pid] = st
		s.children[st.PPID] = append(s.children[st.PPID], pid)
		s.sockets(pid)
	}
	return s, nil
}

func (s *snapshot) sockets(pid int) {
	fds, err := s.fs.FDs(pid)
	if proc.Reason(err) == "not-permitted" && err != nil {
		s.denied++
	}
	for _, d := range fds {
		if n, ok := d.SocketInode(); ok && !slices.Contains(s.holders[n], pid) {
			s.holders[n] = append(s.holders[n], pid)
		}
	}
}

// found is a listening socket and a process that lives in its network namespace.
type found struct {
	proc.Listener
	namespace uint64
}

// listeners finds the sockets that serve an endpoint: in the agent's own network
// namespace, else, for an address that is not loopback, in the namespace that
// has this address (a container's). Several sockets share an address with SO_REUSEPORT.
func (s *snapshot) listeners(ctx context.Context, e endpoint) ([]found, error) {
	for _, addr := range e.addrs {
		if hit, err := s.listenersIn(s.self, addr, e.port); err != nil || len(hit) > 0 {
			return hit, err
		}
	}
	if !e.addrs[0].Is4() || e.addrs[0].IsLoopback() || e.addrs[0].IsUnspecified() {
		return nil, fs.ErrNotExist
	}
	return s.elsewhere(ctx, e)
}

const maxNamespaces = 256

func (s *snapshot) elsewhere(ctx context.Context, e endpoint) ([]found, error) {
	own, err := s.fs.Namespace(s.self, "net")
	if err != nil {
		return nil, err
	}
	seen := map[uint64]bool{own: true}
	for _, pid := range s.pids() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		ns, err := s.fs.Namespace(pid, "net")
		if err != nil || seen[ns] {
			continue
		}
		if seen[ns] = true; len(seen) > maxNamespaces {
			return nil, fmt.Errorf("%w of %d network namespaces", proc.ErrOversize, maxNamespaces)
		}
		if has, err := s.fs.HasAddress(pid, e.addrs[0]); err != nil || !has {
			continue
		}
		if hit, err := s.listenersIn(pid, e.addrs[0], e.port); err != nil || len(hit) > 0 {
			return hit, err
		}
	}
	return nil, fs.ErrNotExist
}

func (s *snapshot) pids() []int {
	out := make([]int, 0, len(s.stats))
	for pid := range s.stats {
		out = append(out, pid)
	}
	slices.Sort(out)
	return out
}

func (s *snapshot) listenersIn(pid int, addr netip.Addr, port uint16) ([]found, error) {
	all, err := s.fs.Listeners(pid)
	if err != nil {
		return nil, fmt.Errorf("listening sockets: %w", err)
	}
	ns, err := s.fs.Namespace(pid, "net")
	if err != nil {
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	best := 1
	var out []found
	for _, l := range all {
		r := rank(l.Addr.Addr(), addr)
		if l.Addr.Port() != port || r < best {
			continue
		}
		if r > best {
			best, out = r, nil
		}
		out = append(out, found{l, ns})
	}
	return out, nil
}

// root picks, among the processes that hold a socket, the one the others come
// from: an ancestor before its descendants, else the one started first.
func (s *snapshot) root(pids []int) int {
	return slices.MinFunc(pids, func(a, b int) int {
		if s.descends(b, a) {
			return -1
		}
		if s.descends(a, b) {
			return 1
		}
		return cmp.Or(cmp.Compare(s.stats[a].StartTicks, s.stats[b].StartTicks), cmp.Compare(a, b))
	})
}

const maxAncestors = 64

// descends reports whether pid is below ancestor in the process tree.
func (s *snapshot) descends(pid, ancestor int) bool {
	for range maxAncestors {
		st, ok := s.stats[pid]
		if !ok || st.PPID == 0 {
			return false
		}
		if pid = st.PPID; pid == ancestor {
			return true
		}
	}
	return false
}

// tree returns the descendants of a process by id, at most MaxProcesses; more says how many were left out.
func (s *snapshot) tree(root int) (out []int, more int) {
	seen := map[int]bool{root: true}
	for queue := s.children[root]; len(queue) > 0; queue = queue[1:] {
		pid := queue[0]
		if seen[pid] {
			continue
		}
		seen[pid] = true
		queue = append(slices.Clip(queue), s.children[pid]...)
		if len(out) < MaxProcesses {
			out = append(out, pid)
		} else {
			more++
		}
	}
	slices.Sort(out)
	return out, more
}
