package engine

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/internal/proc"
)

// BenchmarkCollectCached is what a challenge costs once digests are at hand: the
// process table of this machine, and a stat per file of a model of 200 files.
func BenchmarkCollectCached(b *testing.B) {
	dir := b.TempDir()
	for i := range 200 {
		write(b, filepath.Join(dir, strconv.Itoa(i)), "x")
	}
	c, err := NewCollector(Config{[]EngineConfig{{Name: "main", Endpoint: "http://127.0.0.1:1", Models: []string{dir}}}}, live, NewDigests(DigestOptions{Now: ahead}), nil)
	if err != nil {
		b.Fatal(err)
	}
	time.Sleep(2 * attachTime)
	read := func(b *testing.B) {
		if _, err := c.Collect(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("busy", func(b *testing.B) {
		for b.Loop() {
			read(b)
		}
	})
	// As beside a TPM that quotes in 5 ms: between two the processor goes idle and its caches cold.
	b.Run("idle", func(b *testing.B) {
		var took time.Duration
		for b.Loop() {
			time.Sleep(5 * time.Millisecond)
			begin := time.Now()
			read(b)
			took += time.Since(begin)
		}
		b.ReportMetric(float64(took.Nanoseconds())/float64(b.N), "ns/reading")
	})
}

// crowd makes a tree of n processes with twelve descriptors each around one engine.
func crowd(b testing.TB, n int) *fakeProc {
	p := newFakeProc(b)
	p.process(40, 1, "/usr/bin/vllm", "vllm serve m", 1)
	p.process(41, 40, "/usr/bin/python3", "VLLM::Worker", 1)
	p.listens(10, "0100007F:1F40", 501)
	p.holds(40, 501)
	for pid := 100; pid < 100+n; pid++ {
		write(b, p.path(pid, "stat"), p.stat(pid, 1))
		link(b, "net:[1]", p.path(pid, "ns/net"))
		for fd := range 12 {
			link(b, "socket:["+strconv.Itoa(pid*100+fd)+"]", p.path(pid, "fd/"+strconv.Itoa(fd)))
		}
	}
	return p
}

// BenchmarkCollectCrowded is a challenge on a host of 2,000 processes, before
// anything is known of them and when it is.
func BenchmarkCollectCrowded(b *testing.B) {
	p := crowd(b, 2000)
	cfg := EngineConfig{Name: "main", Endpoint: "http://127.0.0.1:8000"}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			c := collector(b, proc.FS{Root: p.root}, DigestOptions{}, cfg)
			b.StartTimer()
			if _, err := c.Collect(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	repeat := func(b *testing.B) {
		c := collector(b, proc.FS{Root: p.root}, DigestOptions{}, cfg)
		if claims := collect(b, c); len(claims.Engines[0].Tree) != 1 {
			b.Fatalf("%+v", claims)
		}
		time.Sleep(2 * attachTime)
		for b.Loop() {
			if _, err := c.Collect(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("repeat", repeat)
	// From here on the kernel's last process id says that none began.
	p.process(os.Getpid(), 1, "/usr/bin/hallmark-agent", "hallmark-agent", 1)
	p.listens(os.Getpid(), "0100007F:1F40", 501)
	write(b, filepath.Join(p.root, "loadavg"), "0.00 0.00 0.00 1/2000 2100\n")
	if err := os.Remove(filepath.Join(p.root, "self")); err != nil {
		b.Fatal(err)
	}
	link(b, strconv.Itoa(os.Getpid()), filepath.Join(p.root, "self"))
	b.Run("repeat-quiet", repeat)
}

// BenchmarkCollectServing is a challenge to a real engine of two processes on this machine.
func BenchmarkCollectServing(b *testing.B) {
	weights := filepath.Join(b.TempDir(), "model.safetensors")
	write(b, weights, "x")
	addr, _ := engineProcess(b, []string{"vllm"}, "T_LISTEN=127.0.0.1:0", "T_WORKER="+weights)
	c := collector(b, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://" + addr, Models: []string{weights}})
	if e := collect(b, c).Engines[0]; len(e.Tree) != 1 {
		b.Fatalf("%+v", e)
	}
	time.Sleep(2 * attachTime)
	read := func(b *testing.B) {
		if _, err := c.Collect(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("busy", func(b *testing.B) {
		for b.Loop() {
			read(b)
		}
	})
	// As beside a TPM that quotes in 5 ms: between two the processor goes idle and its caches cold.
	b.Run("idle", func(b *testing.B) {
		var took time.Duration
		for b.Loop() {
			time.Sleep(5 * time.Millisecond)
			begin := time.Now()
			read(b)
			took += time.Since(begin)
		}
		b.ReportMetric(float64(took.Nanoseconds())/float64(b.N), "ns/reading")
	})
}

// BenchmarkCollectTree is a challenge to a model of 60,000 small files in 6,000
// directories of which nothing changed; bench/hash compares it with the hashing.
func BenchmarkCollectTree(b *testing.B) {
	dir := b.TempDir()
	for i := range 60_000 {
		write(b, filepath.Join(dir, "pkg"+strconv.Itoa(i%300), "sub"+strconv.Itoa(i/300%20), "f"+strconv.Itoa(i)), "x")
	}
	c := collector(b, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://127.0.0.1:1", Models: []string{dir}})
	if m := collect(b, c).Engines[0].Models[0]; m.Files != 60_000 {
		b.Fatalf("%+v", m)
	}
	for b.Loop() {
		if _, err := c.Collect(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
