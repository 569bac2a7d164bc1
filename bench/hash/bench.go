package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

type bench struct {
	opt   options
	self  string
	name  string // the file
	dir   string
	below bool
}

func newBench(dir string, o options) (*bench, error) {
	if o.size < 64<<20 || o.rounds < 1 {
		return nil, errors.New("want at least 64 MiB and one round")
	}
	if _, err := exec.LookPath("fsverity"); err != nil {
		return nil, errors.New("the fsverity tool is not installed (package fsverity)")
	}
	self, err := os.Executable()
	return &bench{opt: o, self: self, dir: dir, name: filepath.Join(dir, "weights")}, err
}

// write makes the file, of bytes that neither a disk nor a file system can compress.
func (b *bench) write(ctx context.Context) error {
	f, err := os.Create(b.name)
	if err != nil {
		return err
	}
	defer f.Close()
	r := rand.NewChaCha8([32]byte{1})
	buf := make([]byte, 4<<20)
	for left := b.opt.size; left > 0 && ctx.Err() == nil; left -= int64(len(buf)) {
		buf = buf[:min(left, int64(len(buf)))]
		r.Read(buf)
		if _, err := f.Write(buf); err != nil {
			return err
		}
	}
	return errors.Join(f.Sync(), ctx.Err())
}

// resident is how many bytes of the file are in the page cache.
func (b *bench) resident() (int64, error) {
	f, err := os.Open(b.name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var st unix.Cachestat_t
	err = unix.Cachestat(uint(f.Fd()), &unix.CachestatRange{}, &st, 0)
	return int64(st.Cache) * int64(os.Getpagesize()), err
}

var errKept = errors.New("the file's pages cannot be dropped from memory here, or the kernel cannot say (cachestat, Linux 6.5)")

// drop takes the file out of the page cache.
func (b *bench) drop() error {
	f, err := os.Open(b.name)
	if err != nil {
		return err
	}
	defer f.Close()
	for range 5 {
		if err := errors.Join(f.Sync(), unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)); err != nil {
			return err
		}
		if left, err := b.resident(); err == nil && left < b.opt.size/100 {
			return nil
		}
	}
	return errKept
}

func (b *bench) own(name, mode string, env ...string) side {
	return side{name: name, argv: []string{b.self, "-one", mode, b.name}, env: env}
}

func (b *bench) tool() side {
	return side{name: "fsverity digest", argv: []string{"fsverity", "digest", "--compact", "--hash-alg=sha256", "--block-size=4096", b.name}}
}

func (b *bench) held(ok bool, format string, args ...any) {
	mark := "  "
	if !ok {
		b.below, mark = true, "  BELOW THE BAR: "
	}
	fmt.Printf(mark+format+"\n", args...)
}
