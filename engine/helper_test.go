package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/internal/proc"
)

// The test binary plays the engine: a real process with a real socket, mappings
// and descriptors, looked at through the real /proc.
const helperEnv = "HALLMARK_TEST_ENGINE"

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		if err := helper(); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// helper listens, maps, opens and starts a worker as the environment says, and
// stays until its standard input ends.
func helper() error {
	if name := os.Getenv("T_MAP"); name != "" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		if _, err := unix.Mmap(int(f.Fd()), 0, 1, unix.PROT_READ, unix.MAP_SHARED); err != nil {
			return err
		}
		if os.Getenv("T_KEEP") == "" {
			f.Close()
		} else {
			defer f.Close()
		}
	}
	if name := os.Getenv("T_LIB"); name != "" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		if _, err := unix.Mmap(int(f.Fd()), 0, 1, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE); err != nil {
			return err
		}
		f.Close()
	}
	if name := os.Getenv("T_OPEN"); name != "" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
	}
	addr := "none"
	if at := os.Getenv("T_LISTEN"); at != "" {
		l, err := net.Listen("tcp", at)
		if err != nil {
			return err
		}
		defer l.Close()
		addr = l.Addr().String()
	}
	if w := os.Getenv("T_WORKER"); w != "" {
		c := exec.Command("/proc/self/exe")
		c.Env = append(os.Environ(), "T_LISTEN=", "T_WORKER=", "T_OPEN=", "T_MAP="+w)
		in, err := c.StdinPipe()
		if err != nil {
			return err
		}
		out, err := c.StdoutPipe()
		if err != nil {
			return err
		}
		if err := c.Start(); err != nil {
			return err
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			return err
		}
		defer c.Wait()
		defer in.Close()
	}
	fmt.Println("ready", addr)
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// engineProcess starts a helper and returns its address and process id. It ends with the test.
func engineProcess(t testing.TB, args []string, env ...string) (addr string, pid int) {
	t.Helper()
	c := exec.Command("/proc/self/exe")
	c.Args = args
	c.Env = append(env, helperEnv+"=1")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); c.Wait() })
	line, _ := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if !ok {
		t.Fatalf("helper said %q", line)
	}
	return addr, c.Process.Pid
}

// ahead makes files old enough for their digests to be kept: the clock of the
// tests runs an hour ahead of the file system's.
func ahead() time.Time { return time.Now().Add(time.Hour) }

func collector(t testing.TB, p proc.FS, opt DigestOptions, list ...EngineConfig) *Collector {
	t.Helper()
	if opt.Now == nil {
		opt.Now = ahead
	}
	if opt.InlineBytes == 0 {
		opt.InlineBytes, opt.BudgetBytes = 256<<20, 1<<30
	}
	c, err := NewCollector(Config{list}, p, NewDigests(opt), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// collect runs a collector and checks that its claims survive the encoding.
func collect(t testing.TB, c *Collector) *Claims {
	t.Helper()
	claims, err := c.Collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return roundTrip(t, claims)
}
