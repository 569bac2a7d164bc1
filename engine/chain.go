package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

const maxLaunchers = 8 // processes between the listener and the engine's first

// chain follows the endpoint to the root of the engine's process tree and states
// the links on the way; 0 if it breaks, with the absence stated.
func (w *collecting) chain(what, url string, e *Engine) int {
	for range MaxHops + 1 {
		ep, err := parseEndpoint(url)
		if err != nil {
			w.absent.Add(what+".listening", attest.NotSupported, "%v", err)
			return 0
		}
		root := w.holder(what, ep, e)
		if root == 0 {
			return 0
		}
		c := w.command(root)
		to, ok := forwardsTo(c.exe, c.args)
		if !ok {
			return w.launcher(root)
		}
		if len(e.Hops) == MaxHops {
			break
		}
		e.Hops = append(e.Hops, Hop{To: attest.Clean(to), Process: w.process(fmt.Sprintf("%s.hops[%d]", what, len(e.Hops)), root, generic)})
		e.Listening, e.Sharing = []Listening{}, nil
		url = to
	}
	w.absent.Add(what+".process", attest.Oversize, "more than %d forwarders in a row", MaxHops)
	return 0
}

// holder states who listens and returns the process the listeners come from.
func (w *collecting) holder(what string, ep endpoint, e *Engine) int {
	at, err := w.find(ep)
	if errors.Is(err, fs.ErrNotExist) {
		w.absent.Add(what+".process", attest.NotPresent, "nothing listens on %s: start the engine, or correct its endpoint in the configuration (for a container without docker-proxy give the container's address)", ep)
		return 0
	}
	if err != nil {
		w.absent.Err(what+".listening", fmt.Errorf("%s: %w", ep, err))
		return 0
	}
	for _, h := range at.found {
		if len(e.Listening) < MaxListening {
			e.Listening = append(e.Listening, Listening{h.Addr.Addr().String(), uint64(h.Addr.Port()), h.namespace})
		}
	}
	pids := w.snap.holdersOf(at.found)
	if len(pids) == 0 {
		reason, fix := attest.NotPresent, "held by a process outside this PID namespace, or by the kernel"
		if w.snap.denied > 0 {
			reason, fix = attest.NotPermitted, fmt.Sprintf("descriptors of %d processes may not be read: run the collector with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH", w.snap.denied)
		}
		w.absent.Add(what+".process", reason, "socket of %s found, its holder not: %s", ep, fix)
		return 0
	}
	if rest := slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return pid == 1 }); len(rest) > 0 {
		pids = rest // the service manager keeps the sockets that it activates services by
	}
	root := w.snap.root(pids)
	for _, pid := range pids {
		if pid != root && !w.snap.descends(pid, root) && len(e.Sharing) < MaxProcesses {
			e.Sharing = append(e.Sharing, uint64(pid))
		}
	}
	return root
}

// launcher climbs from the listener to the first process of the same engine:
// TGI's router and vLLM's front end are children beside the ones that hold the weights.
func (w *collecting) launcher(pid int) int {
	if above := w.launchers(pid); len(above) > 0 {
		return above[len(above)-1]
	}
	return pid
}

// launchers are the ancestors of the same engine, nearest first.
func (w *collecting) launchers(pid int) (above []int) {
	kind := w.recognise(pid)
	for len(above) < maxLaunchers && kind.name != generic.name {
		up := w.snap.stats[pid].PPID
		if up <= 1 || w.recognise(up).name != kind.name {
			break
		}
		above, pid = append(above, up), up
	}
	return above
}

func (w *collecting) recognise(pid int) recogniser {
	c := w.command(pid)
	return recognise(command{path.Base(c.exe), c.args})
}

// started is how a process was started. All of it is names, which the process itself can change.
type started struct {
	exe     string
	deleted bool
	exeErr  error
	args    []string
	argsErr error
	asked   bool // for args
}

// program reads what a process runs, once in one Collect.
func (w *collecting) program(pid int) *started {
	c := w.commands[pid]
	if c == nil {
		c = &started{}
		c.exe, c.deleted, c.exeErr = w.fs.Exe(pid)
		w.commands[pid] = c
	}
	return c
}

// command is program with the arguments.
func (w *collecting) command(pid int) *started {
	c := w.program(pid)
	if !c.asked {
		c.args, c.argsErr = w.fs.Cmdline(pid)
		c.asked = true
	}
	return c
}

// measure states the process tree and its files, and at the end looks whether
// the process is still the one it began with.
func (w *collecting) measure(what string, root int, cfg EngineConfig, e *Engine) {
	pids, more, ok := w.descendants(root)
	if !ok {
		w.absent.Err(what+".process", fmt.Errorf("%w: process %d ended while it was measured", proc.ErrChanged, root))
		return
	}
	kind := w.recognise(root)
	e.Kind = kind.name
	p := w.process(what+".process", root, kind)
	e.Process = &p
	if more > 0 {
		w.absent.Add(what+".tree", attest.Oversize, "%d further processes", more)
	}
	for _, pid := range pids {
		st := w.snap.stats[pid]
		exe := w.program(pid).exe
		e.Tree = append(e.Tree, Child{uint64(pid), uint64(st.PPID), st.StartTicks, attest.Clean(exe)})
	}
	w.files(what, append([]int{root}, pids...), cfg.Models, e)
	if now, err := w.fs.Stat(root); err != nil || now.StartTicks != w.snap.stats[root].StartTicks {
		w.absent.Err(what+".process", fmt.Errorf("%w: process %d ended while it was measured", proc.ErrChanged, root))
	}
}

// process states one process. A part that cannot be read is an absence of its own.
func (w *collecting) process(what string, pid int, kind recogniser) Process {
	st := w.snap.stats[pid]
	p := Process{PID: uint64(pid), Parent: uint64(st.PPID), StartTicks: st.StartTicks, Args: []Pair{}, Environment: []Pair{}}
	if boot := w.snap.boot; boot != 0 {
		at := boot*1000 + st.StartTicks*(1000/proc.TicksPerSecond)
		p.StartMs = &at
	}
	if uid, err := w.fs.UID(pid); err != nil {
		w.err(what+".uid", err)
	} else {
		n := uint64(uid)
		p.UID = &n
	}
	w.executable(what, pid, &p)
	withheld := 0
	if c := w.command(pid); c.argsErr != nil {
		w.err(what+".args", c.argsErr)
	} else {
		p.Args, withheld = kind.pick(c.args)
	}
	if withheld > 0 {
		w.absent.Add(what+".args", attest.NotPermitted, "%d values look like secrets and stay on the host", withheld)
	}
	withheld = 0
	if env, err := w.fs.Environ(pid); err != nil {
		w.err(what+".environment", err)
	} else {
		p.Environment, withheld = kind.variables(env)
	}
	if withheld > 0 {
		w.absent.Add(what+".environment", attest.NotPermitted, "%d values look like secrets and stay on the host", withheld)
	}
	if group, err := w.fs.Cgroup(pid); err != nil {
		w.err(what+".cgroup", err)
	} else {
		p.Cgroup, p.Container = attest.Clean(group), containerID(group)
	}
	return p
}

// executable measures the file behind /proc/PID/exe and compares it with what is
// mapped. The link follows the inode that was started, also after a rename or removal.
func (w *collecting) executable(what string, pid int, p *Process) {
	c := w.command(pid)
	if c.exeErr != nil {
		w.err(what+".exe_path", c.exeErr)
	}
	p.ExePath, p.ExeDeleted = attest.Clean(c.exe), c.deleted
	id, d, err := w.exeDigest(pid)
	if d == nil {
		w.err(what+".exe", err)
		return
	}
	if err != nil {
		w.err(what+".exe", err)
	}
	p.Exe = d
	mapped, err := w.exeMapped(pid, c.exe, id)
	if err != nil {
		w.err(what+".exe_mapped", err)
		return
	}
	p.ExeMapped = &mapped
}

// exeDigest names and measures the file behind /proc/PID/exe. Without a digest
// there was none to measure; with one and an error it has only its size.
func (w *collecting) exeDigest(pid int) (inode, *FileDigest, error) {
	if key, d, ok := w.digests.known(w.fs.Path(pid, "exe"), true); ok {
		return key.inode(), &d, nil
	}
	f, err := w.fs.OpenExe(pid)
	if err != nil {
		return inode{}, nil, err
	}
	defer f.Close()
	id, _, err := inodeOf(f)
	if err != nil {
		return inode{}, nil, err
	}
	d, err := w.digests.file(w.ctx, f, true, &w.budget)
	return id, &d, err
}
