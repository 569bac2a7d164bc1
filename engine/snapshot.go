package engine

import (
	"context"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"

	"github.com/hallmark-attest/hallmark/internal/proc"
)

// place is where an endpoint was found listening when the tables of listening
// sockets were read last. Reading them costs milliseconds however few
// connections there are: the kernel walks the whole hash table of its sockets.
type place struct {
	endpoint endpoint
	found    []found
}

// found is a listening socket in a network namespace.
type found struct {
	proc.Listener
	namespace uint64
}

// resolve reads where an endpoint listens and remembers it. complete is false
// if a socket was found that appeared after the walk, so that its holder is not known.
func (s *snapshot) resolve(ctx context.Context, e endpoint) (p *place, complete bool, err error) {
	delete(s.places, e.key())
	hits, err := s.listeners(ctx, e)
	if err != nil {
		return nil, true, err
	}
	p = &place{e, hits}
	s.places[e.key()] = p
	return p, !slices.ContainsFunc(hits, func(f found) bool { return len(s.holders[f.Inode]) == 0 && !s.unheld[f.Inode] }), nil
}

// giveUp notes the sockets that even a walk after they were found has shown
// nobody to hold: one outside this PID namespace does, or the kernel itself.
// They are not searched for again before the next walk.
func (s *snapshot) giveUp(p *place) {
	for _, f := range p.found {
		if len(s.holders[f.Inode]) == 0 {
			s.unheld[f.Inode] = true
		}
	}
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
	for _, pid := range s.pids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if s.stats[pid].Kernel {
			continue
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

// holdersOf lists who holds the sockets, each process once, sorted.
func (s *snapshot) holdersOf(list []found) (pids []int) {
	for _, f := range list {
		for _, h := range s.holders[f.Inode] {
			pids = append(pids, h.pid)
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}
