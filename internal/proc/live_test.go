package proc

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/attest"
)

var live = FS{Root: "/proc"}

func TestStatOfChildNamesParentAndStart(t *testing.T) {
	c := exec.Command("sleep", "60")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	s, err := live.Stat(c.Process.Pid)
	if err != nil || s.PPID != os.Getpid() {
		t.Fatalf("%+v, %v; want parent %d", s, err, os.Getpid())
	}
	boot, err := live.BootTime()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Unix(int64(boot), 0).Add(time.Duration(s.StartTicks) * time.Second / TicksPerSecond)
	if d := time.Since(start); d < -2*time.Second || d > time.Minute {
		t.Fatalf("child started %v ago", d)
	}
	pids, err := live.PIDs()
	if err != nil || !slices.Contains(pids, c.Process.Pid) {
		t.Fatalf("child %d not listed: %v", c.Process.Pid, err)
	}
	c.Process.Kill()
	c.Wait()
	if _, err := live.Stat(c.Process.Pid); Reason(err) != attest.NotPresent {
		t.Fatalf("after its end: %v", err)
	}
}

func TestLastPIDReachesTheChildAndRefusesOtherTrees(t *testing.T) {
	c := exec.Command("true")
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	if n, err := live.LastPID(); err != nil || n < c.Process.Pid && n > 1<<15 {
		t.Errorf("last process id %d after child %d: %v", n, c.Process.Pid, err)
	}
	root := t.TempDir()
	if err := os.Symlink("1", filepath.Join(root, "self")); err != nil {
		t.Fatal(err)
	}
	if _, err := (FS{root}).LastPID(); !errors.Is(err, ErrSyntax) {
		t.Errorf("a tree in which we are process 1: %v", err)
	}
}

func TestListenerIsHeldByDescriptor(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	list, err := live.Listeners(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(x Listener) bool { return x.Addr.String() == l.Addr().String() })
	if i < 0 {
		t.Fatalf("%s not among %d listeners", l.Addr(), len(list))
	}
	fds, err := live.FDs(os.Getpid())
	j := slices.IndexFunc(fds, func(d FD) bool { n, ok := d.SocketInode(); return ok && n == list[i].Inode })
	if err != nil || j < 0 {
		t.Fatalf("socket %d held by no descriptor: %v", list[i].Inode, err)
	}
	if !live.HoldsSocket(os.Getpid(), fds[j].Num, list[i].Inode) || live.HoldsSocket(os.Getpid(), fds[j].Num, list[i].Inode+1) {
		t.Fatalf("descriptor %d is not what it was a moment ago", fds[j].Num)
	}
	l.Close()
	if live.HoldsSocket(os.Getpid(), fds[j].Num, list[i].Inode) {
		t.Fatal("a closed socket is still held")
	}
}

func TestOpenMappingFollowsTheInodeNotTheName(t *testing.T) {
	name := filepath.Join(t.TempDir(), "w")
	for _, s := range []string{"first", "second"} {
		if err := os.WriteFile(name+s, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(name + "first")
	if err != nil {
		t.Fatal(err)
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, 5, unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mem)
	f.Close()
	if err := os.Rename(name+"second", name+"first"); err != nil {
		t.Fatal(err)
	}
	maps, err := live.Maps(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(maps, func(m Mapping) bool { return m.Path == name+"first" })
	if i < 0 || !maps[i].Deleted {
		t.Fatalf("mapping of the replaced file not marked: %v", maps)
	}
	g, exact, err := live.OpenMapping(os.Getpid(), maps[i])
	if Reason(err) == attest.NotPermitted {
		t.Skip("map_files needs CAP_CHECKPOINT_RESTORE: not exercised")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	b, err := ReadFile(g.Name(), 100)
	if err != nil || string(b) != "first" || !exact {
		t.Fatalf("read %q, exact %v, %v", b, exact, err)
	}
}

func TestOpenMappingByNameRejectsOtherInode(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "7", "root")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lib.so"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(dir, "lib.so"), &st); err != nil {
		t.Fatal(err)
	}
	m := Mapping{Start: 1, End: 2, Perms: "r-xp", Dev: st.Dev, Inode: st.Ino, Path: "/lib.so"}
	f, exact, err := FS{root}.OpenMapping(7, m)
	if err != nil || exact {
		t.Fatalf("same inode: exact %v, %v", exact, err)
	}
	f.Close()
	m.Inode++
	if _, _, err := (FS{root}).OpenMapping(7, m); !errors.Is(err, ErrChanged) || Reason(err) != attest.Changed {
		t.Fatalf("other inode: %v", err)
	}
	m.Deleted = true
	if _, _, err := (FS{root}).OpenMapping(7, m); err == nil {
		t.Fatal("deleted file opened by name")
	}
}

func TestOpenRegularRejectsFIFOWithoutBlocking(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{name, "/dev/null", filepath.Dir(name)} {
		if _, err := OpenRegular(n); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v", n, err)
		}
	}
}

func TestReadFileRejectsOversize(t *testing.T) {
	if _, err := ReadFile("/dev/zero", 100); !errors.Is(err, ErrOversize) || Reason(err) != attest.Oversize {
		t.Fatal(err)
	}
}

func TestExeCgroupNamespaceOfSelf(t *testing.T) {
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if p, del, err := live.Exe(os.Getpid()); err != nil || del || p != me {
		t.Errorf("exe %q, %v; want %q", p, err, me)
	}
	if c, err := live.Cgroup(os.Getpid()); err != nil || !strings.HasPrefix(c, "/") {
		t.Errorf("cgroup %q, %v", c, err)
	}
	if n, err := live.Namespace(os.Getpid(), "net"); err != nil || n == 0 {
		t.Errorf("namespace %d, %v", n, err)
	}
	if uid, err := live.UID(os.Getpid()); err != nil || int(uid) != os.Geteuid() {
		t.Errorf("uid %d, %v", uid, err)
	}
	args, err := live.Cmdline(os.Getpid())
	if err != nil || !slices.Equal(args, os.Args) {
		t.Errorf("arguments %q, %v", args, err)
	}
}

func TestSelfAndLocalAddress(t *testing.T) {
	if pid, err := live.Self(); err != nil || pid != os.Getpid() {
		t.Errorf("self is %d, %v; want %d", pid, err, os.Getpid())
	}
	for addr, want := range map[string]bool{"127.0.0.1": true, "192.0.2.77": false} {
		if got, err := live.HasAddress(os.Getpid(), netip.MustParseAddr(addr)); err != nil || got != want {
			t.Errorf("%s local: %v, %v", addr, got, err)
		}
	}
}
