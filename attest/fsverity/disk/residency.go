package disk

import (
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// probes is how many places of a file are looked at where cachestat is refused.
const probes = 16

// residency knows what of a file is in the page cache. Wrong in either direction
// it costs time, or some cache, and nothing else.
type residency struct {
	file *os.File

	once    sync.Once
	size    int64
	exact   bool // cachestat works: Linux 6.5, and 6.14 on only for owners, writers and CAP_FOWNER
	sampled bool // else: most of the places looked at were there
}

func (r *residency) holds(off int64, n int) bool {
	r.once.Do(r.learn)
	if !r.exact {
		return r.sampled
	}
	want := min(int64(n), r.size-off)
	have, ok := r.stat(off, want)
	return ok && have >= want
}

// mostly says whether more than half of the file is there.
func (r *residency) mostly() bool {
	r.once.Do(r.learn)
	if !r.exact {
		return r.sampled
	}
	have, ok := r.stat(0, r.size)
	return ok && have > r.size/2
}

func (r *residency) learn() {
	if info, err := r.file.Stat(); err == nil {
		r.size = info.Size()
	}
	if _, r.exact = r.stat(0, 1); !r.exact {
		r.sampled = r.sample()
	}
}

// stat returns how many bytes of a range are in the cache, in whole pages. The
// length 0 means to the end of the file to the kernel, and nothing here.
func (r *residency) stat(off, n int64) (int64, bool) {
	if n <= 0 {
		return 0, r.exact
	}
	var st unix.Cachestat_t
	err := unix.Cachestat(uint(r.file.Fd()), &unix.CachestatRange{Off: uint64(off), Len: uint64(n)}, &st, 0)
	runtime.KeepAlive(r.file)
	return int64(st.Cache) * int64(os.Getpagesize()), err == nil
}

// sample reads a byte at some places if that can be had without waiting. Each
// miss makes the kernel read a little ahead there.
func (r *residency) sample() bool {
	var one [1]byte
	hits := 0
	for i := range int64(probes) {
		if n, err := unix.Preadv2(int(r.file.Fd()), [][]byte{one[:]}, r.size/probes*i, unix.RWF_NOWAIT); n == 1 && err == nil {
			hits++
		}
	}
	runtime.KeepAlive(r.file)
	return hits > probes/2
}
