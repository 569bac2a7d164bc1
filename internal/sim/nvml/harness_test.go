package nvml

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// testdata/harness.c, and the library, built once for all tests.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hallmark-fake-nvml-test-")
	if err != nil {
		return "", err
	}
	if _, err := Build(dir, Full); err != nil {
		return dir, err
	}
	// Read here, so that go test's cache knows of the file.
	source, err := os.ReadFile(filepath.Join("testdata", "harness.c"))
	if err != nil {
		return dir, err
	}
	cmd := exec.Command("gcc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-Ic", "-pthread",
		"-o", filepath.Join(dir, "harness"), "-x", "c", "-", "-ldl")
	cmd.Stdin = bytes.NewReader(source)
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("build harness: %w: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := built(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

const clockName = "clock"

// box is a directory with a library of its own, and a process that calls it.
type box struct {
	t       *testing.T
	dir     string
	in      io.WriteCloser
	mutex   sync.Mutex
	next    int
	waiting map[int]chan answer
}

// answer is what NVML returned, and the values of one look at a GPU.
type answer struct {
	ret    int
	values map[string]int64
}

func newBox(t *testing.T, c Conf) *box {
	t.Helper()
	dir, err := built()
	if errors.Is(err, ErrNoCompiler) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, dir: t.TempDir()}
	lib, err := os.ReadFile(filepath.Join(dir, Soname))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, Soname), lib, 0o755); err != nil {
		t.Fatal(err)
	}
	b.at(0)
	b.conf(c)
	b.start()
	return b
}

// start begins another process; the one before it is killed at the end of the test.
func (b *box) start() {
	b.t.Helper()
	dir, _ := built()
	cmd := exec.Command(filepath.Join(dir, "harness"), filepath.Join(b.dir, Soname))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	waiting := make(map[int]chan answer)
	b.in, b.waiting = in, waiting
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s := bufio.NewScanner(out); s.Scan(); {
			b.deliver(waiting, s.Text())
		}
	}()
	b.t.Cleanup(func() {
		cmd.Process.Kill()
		<-done
		cmd.Wait()
	})
	if a := b.ask("init", 0); a.ret != 0 {
		b.t.Fatalf("init: %d", a.ret)
	}
}

func (b *box) deliver(waiting map[int]chan answer, line string) {
	words := strings.Fields(line)
	id, _ := strconv.Atoi(words[0])
	a := answer{values: make(map[string]int64)}
	a.ret, _ = strconv.Atoi(words[1])
	for _, w := range words[2:] {
		key, value, _ := strings.Cut(w, "=")
		a.values[key], _ = strconv.ParseInt(value, 10, 64)
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	waiting[id] <- a
}

// send asks in a thread of its own; the answer comes when it comes.
func (b *box) send(word string, gpu int) <-chan answer {
	b.t.Helper()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.next++
	c := make(chan answer, 1)
	b.waiting[b.next] = c
	if _, err := fmt.Fprintf(b.in, "%d %s %d\n", b.next, word, gpu); err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *box) ask(word string, gpu int) answer {
	b.t.Helper()
	select {
	case a := <-b.send(word, gpu):
		return a
	case <-time.After(10 * time.Second):
		b.t.Fatalf("%s %d: no answer", word, gpu)
	}
	return answer{}
}

// look reads all values of a GPU.
func (b *box) look(gpu int) map[string]int64 {
	b.t.Helper()
	a := b.ask("look", gpu)
	if a.ret != 0 {
		b.t.Fatalf("GPU %d: NVML %d", gpu, a.ret)
	}
	return a.values
}

func (b *box) conf(c Conf) {
	b.t.Helper()
	if c.ClockFile == clockName {
		c.ClockFile = filepath.Join(b.dir, clockName)
	}
	if err := WriteConf(b.dir, c); err != nil {
		b.t.Fatal(err)
	}
}

// at sets the model's time.
func (b *box) at(second float64) {
	b.t.Helper()
	path := filepath.Join(b.dir, clockName)
	if err := os.WriteFile(path+".new", []byte(strconv.FormatFloat(second*1000, 'f', 0, 64)), 0o644); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		b.t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }
