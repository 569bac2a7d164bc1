package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/internal/proc"
)

// maxAge is how old the last walk over all processes may be. Between two walks
// the table is brought up to date by what began and ended, and everything that
// a claim rests on is read again; what only a walk can find (a process that was
// handed the engine's socket, or a second socket on its address) is therefore
// stated at most this late. docs/kinds/engine.md repeats it.
const maxAge = 5 * time.Second

// attachTime is more than a process needs from getting its id to being listed.
const attachTime = 50 * time.Millisecond

// snapshot is what is known of the whole process table, for all engines. A
// Collect reads it from no more than one goroutine.
type snapshot struct {
	fs       proc.FS
	self     int
	now      func() time.Time
	at       time.Time // when the walk began
	boot     uint64    // Unix seconds; 0 if unknown
	bootErr  error
	pids     []int // sorted
	stats    map[int]proc.Stat
	children map[int][]int
	holders  map[uint64][]holder // socket inode -> processes, by id
	denied   int                 // processes whose descriptors may not be read
	unheld   map[uint64]bool     // listening sockets that no process was found to hold
	places   map[string]*place   // by endpoint
	lastPID  int                 // id given out last, when lastSeen; 0 if unknown
	lastSeen time.Time
	listed   time.Time // when the processes were listed last
}

// holder is one descriptor by which a process holds a socket.
type holder struct{ pid, fd int }

// takeSnapshot lists processes and the sockets they hold. Processes come and go
// meanwhile; one that cannot be read any more is left out.
func takeSnapshot(ctx context.Context, p proc.FS, now func() time.Time) (*snapshot, error) {
	s := &snapshot{fs: p, now: now, at: now(), stats: map[int]proc.Stat{}, children: map[int][]int{}, holders: map[uint64][]holder{}, unheld: map[uint64]bool{}, places: map[string]*place{}}
	var err error
	if s.self, err = p.Self(); err != nil {
		return nil, fmt.Errorf("own process: %w", err)
	}
	s.boot, s.bootErr = p.BootTime()
	s.quiet()
	s.listed = s.at
	pids, err := p.PIDs()
	if err != nil {
		return nil, err
	}
	for _, pid := range pids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.add(pid)
	}
	s.pids = pids
	return s, nil
}

// add reads a process that is not in the table.
func (s *snapshot) add(pid int) {
	st, err := s.fs.Stat(pid)
	if err != nil {
		return
	}
	s.stats[pid] = st
	s.children[st.PPID] = append(s.children[st.PPID], pid)
	if st.Kernel {
		return
	}
	fds, err := s.fs.FDs(pid)
	if err != nil && proc.Reason(err) == "not-permitted" {
		s.denied++
	}
	for _, d := range fds {
		n, ok := d.SocketInode()
		if ok && !slices.ContainsFunc(s.holders[n], func(h holder) bool { return h.pid == pid }) {
			s.holders[n] = append(s.holders[n], holder{pid, d.Num})
		}
	}
}

// update brings the table up to date with the processes that began and ended.
// One that began is read whole, and a child whose parent ended has another now.
func (s *snapshot) update() error {
	if s.quiet() {
		return nil
	}
	s.listed = s.now()
	pids, err := s.fs.PIDs()
	if err != nil {
		return err
	}
	began, ended := differences(s.pids, pids)
	s.pids = pids
	for _, pid := range ended {
		s.drop(pid)
	}
	for _, pid := range ended {
		for _, orphan := range s.children[pid] {
			delete(s.stats, orphan)
			s.add(orphan)
		}
		delete(s.children, pid)
	}
	for _, pid := range began {
		s.add(pid)
	}
	return nil
}

func (s *snapshot) drop(pid int) {
	up := s.stats[pid].PPID
	s.children[up] = slices.DeleteFunc(s.children[up], func(k int) bool { return k == pid })
	delete(s.stats, pid)
}

// quiet reports whether no process can have begun since they were listed last:
// the kernel has given out no id since, and whoever got the last one had time
// to appear. Where the kernel does not say, nothing is quiet. A process that ended is
// noticed where it matters, when it is looked at again.
func (s *snapshot) quiet() bool {
	n, err := s.fs.LastPID()
	if err != nil {
		s.lastPID = 0
		return false
	}
	if n != s.lastPID {
		s.lastPID, s.lastSeen = n, s.now()
		return false
	}
	return s.listed.Sub(s.lastSeen) > attachTime
}

// differences compares two sorted lists.
func differences(before, after []int) (began, ended []int) {
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(before) == 0 || len(after) > 0 && after[0] < before[0]:
			began, after = append(began, after[0]), after[1:]
		case len(after) == 0 || before[0] < after[0]:
			ended, before = append(ended, before[0]), before[1:]
		default:
			before, after = before[1:], after[1:]
		}
	}
	return began, ended
}

// unchanged reports whether a process is the one in the table, with its parent.
func (s *snapshot) unchanged(pid int) bool {
	st, err := s.fs.Stat(pid)
	was, ok := s.stats[pid]
	return err == nil && ok && st.StartTicks == was.StartTicks && st.PPID == was.PPID
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

// ancestors returns the parents of a process, nearest first.
func (s *snapshot) ancestors(pid int) (out []int) {
	for range maxAncestors {
		st, ok := s.stats[pid]
		if !ok || st.PPID == 0 {
			break
		}
		pid = st.PPID
		out = append(out, pid)
	}
	return out
}

// descends reports whether pid is below ancestor in the process tree.
func (s *snapshot) descends(pid, ancestor int) bool {
	return slices.Contains(s.ancestors(pid), ancestor)
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
