package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

const tcpHeader = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

// fakeProc is a proc tree for what a test cannot arrange for real: containers
// with network namespaces of their own, the first process, processes that may not be read.
type fakeProc struct {
	t    testing.TB
	root string
}

func newFakeProc(t testing.TB) *fakeProc {
	p := &fakeProc{t, t.TempDir()}
	write(t, filepath.Join(p.root, "stat"), "btime 1700000000\n")
	link(t, "10", filepath.Join(p.root, "self"))
	p.process(10, 1, "/usr/bin/hallmark-agent", "hallmark-agent", 1)
	return p
}

func (p *fakeProc) path(pid int, name string) string {
	return filepath.Join(p.root, fmt.Sprint(pid), name)
}

// stat is a process's line; its id is also its start time.
func (p *fakeProc) stat(pid, ppid int) string {
	return fmt.Sprintf("%d (x) S %d %s%d 0\n", pid, ppid, strings.Repeat("0 ", 17), pid)
}

func (p *fakeProc) process(pid, ppid int, exe, cmdline string, netns int) {
	write(p.t, p.path(pid, "stat"), p.stat(pid, ppid))
	write(p.t, p.path(pid, "cmdline"), strings.ReplaceAll(cmdline, " ", "\x00")+"\x00")
	write(p.t, p.path(pid, "environ"), "")
	write(p.t, p.path(pid, "maps"), "")
	write(p.t, p.path(pid, "cgroup"), "0::/x\n")
	write(p.t, p.path(pid, "net/tcp"), tcpHeader)
	write(p.t, p.path(pid, "net/fib_trie"), "Main:\n")
	link(p.t, exe, p.path(pid, "exe"))
	link(p.t, fmt.Sprintf("net:[%d]", netns), p.path(pid, "ns/net"))
	if err := os.MkdirAll(p.path(pid, "fd"), 0o755); err != nil {
		p.t.Fatal(err)
	}
}

// listens enters a socket into the table of the namespace that the process shows.
func (p *fakeProc) listens(pid int, hexAddr string, socket int) {
	b := must(os.ReadFile(p.path(pid, "net/tcp")))
	write(p.t, p.path(pid, "net/tcp"), string(b)+fmt.Sprintf("   0: %s 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 %d 1 0 100 0 0 10 0\n", hexAddr, socket))
}

func (p *fakeProc) holds(pid, socket int) {
	link(p.t, fmt.Sprintf("socket:[%d]", socket), p.path(pid, fmt.Sprintf("fd/%d", socket)))
}

func (p *fakeProc) collect(endpoint string) (*Claims, Engine) {
	c := collect(p.t, collector(p.t, proc.FS{Root: p.root}, DigestOptions{}, EngineConfig{Name: "main", Endpoint: endpoint}))
	return c, c.Engines[0]
}

func TestDockerProxyIsAHopToTheContainer(t *testing.T) {
	p := newFakeProc(t)
	p.process(20, 1, "/usr/bin/docker-proxy", "docker-proxy -container-ip 172.17.0.2 -container-port 80", 1)
	p.listens(10, "0100007F:1F40", 501)
	p.holds(20, 501)
	p.process(30, 1, "/usr/bin/vllm", "vllm serve m", 2)
	p.listens(30, "00000000:0050", 502)
	p.holds(30, 502)
	write(t, p.path(30, "net/fib_trie"), "Main:\n  |-- 172.17.0.0\n     /16 link UNICAST\n  |-- 172.17.0.2\n     /32 host LOCAL\n")
	p.process(31, 1, "/usr/bin/other", "other", 3) // a container that listens on the same port and has another address
	p.listens(31, "00000000:0050", 503)
	p.holds(31, 503)
	c, e := p.collect("http://127.0.0.1:8000")
	if len(e.Hops) != 1 || e.Hops[0].Process.PID != 20 || e.Process == nil || e.Process.PID != 30 || e.Listening[0].NetNamespace != 2 {
		t.Fatalf("hops %+v, process %+v; %+v", e.Hops, e.Process, c.Absent)
	}
}

func TestOldestAncestorIsTheEngineAndStrangersAreStated(t *testing.T) {
	p := newFakeProc(t)
	p.process(1, 0, "/sbin/init", "init", 1)
	p.process(40, 1, "/usr/bin/server", "server", 1)
	p.process(25, 40, "/usr/bin/server", "server", 1) // a child whose id has wrapped around
	p.process(50, 1, "/usr/bin/stranger", "stranger", 1)
	p.listens(10, "0100007F:1F40", 501)
	p.listens(10, "0100007F:1F40", 502) // SO_REUSEPORT
	for _, pid := range []int{1, 40, 25} {
		p.holds(pid, 501)
	}
	p.holds(50, 502)
	_, e := p.collect("http://127.0.0.1:8000")
	if e.Process == nil || e.Process.PID != 40 || len(e.Sharing) != 1 || e.Sharing[0] != 50 || len(e.Tree) != 1 || e.Tree[0].PID != 25 {
		t.Fatalf("%+v, sharing %v, tree %v", e.Process, e.Sharing, e.Tree)
	}
}

func TestSameEngineIsClimbedToItsLauncher(t *testing.T) {
	p := newFakeProc(t)
	p.process(2, 1, "/bin/bash", "bash", 1)
	p.process(40, 2, "/usr/bin/text-generation-launcher", "text-generation-launcher --model-id m", 1)
	p.process(41, 40, "/usr/bin/text-generation-router", "text-generation-router", 1)
	p.process(42, 40, "/usr/bin/python3", "python3 text-generation-server", 1)
	p.listens(10, "0100007F:1F40", 501)
	p.holds(41, 501)
	_, e := p.collect("http://127.0.0.1:8000")
	if e.Kind != "tgi" || e.Process == nil || e.Process.PID != 40 || len(e.Tree) != 2 || text(e.Process.Args) != "--model-id=m;" {
		t.Fatalf("%s, %+v, %v", e.Kind, e.Process, e.Tree)
	}
}

func TestUnheldSocketIsAnAbsence(t *testing.T) {
	p := newFakeProc(t)
	p.listens(10, "0100007F:1F40", 501)
	c, e := p.collect("http://127.0.0.1:8000")
	if a := absence(c, "engines[0].process"); e.Process != nil || len(e.Listening) != 1 || a == nil || a.Reason != attest.NotPresent {
		t.Fatalf("%+v, %+v", e.Process, a)
	}
}

func TestUnreadablePartsAreAbsencesAndTheRestIsStated(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Log("running as root: permissions bind nobody, so the files are removed instead")
	}
	p := newFakeProc(t)
	p.process(40, 1, "/usr/bin/server", "server", 1)
	p.listens(10, "0100007F:1F40", 501)
	p.holds(40, 501)
	for name, what := range map[string]string{"maps": "engines[0].libraries[pid 40]", "environ": "engines[0].process.environment", "cgroup": "engines[0].process.cgroup", "cmdline": "engines[0].process.args"} {
		b := must(os.ReadFile(p.path(40, name)))
		if err := os.Remove(p.path(40, name)); err != nil {
			t.Fatal(err)
		}
		if os.Geteuid() != 0 {
			write(t, p.path(40, name), string(b))
			if err := os.Chmod(p.path(40, name), 0); err != nil {
				t.Fatal(err)
			}
		}
		c, e := p.collect("http://127.0.0.1:8000")
		if e.Process == nil || absence(c, what) == nil {
			t.Errorf("%s unreadable: process %v, absences %+v", name, e.Process != nil, c.Absent)
		}
		if a := absence(c, "engines[0].process.exe"); a == nil { // the fake link leads nowhere
			t.Errorf("executable neither stated nor absent")
		}
		os.Remove(p.path(40, name))
		write(t, p.path(40, name), string(b))
	}
}
