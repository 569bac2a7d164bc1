package vectors

import (
	"bytes"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
)

// Mutate changes one to four things of a copy of b: a bit, a byte, a length-like number, a cut, a repeat, or a stretch of other.
func Mutate(r *rand.Rand, b, other []byte) []byte {
	b = bytes.Clone(b)
	if len(other) == 0 {
		other = b
	}
	for range 1 + r.IntN(4) {
		if len(b) < 8 {
			return b
		}
		i := r.IntN(len(b) - 4)
		switch r.IntN(9) {
		case 0:
			b[i] ^= 1 << r.IntN(8)
		case 1:
			b[i] = byte(r.Uint32())
		case 2:
			copy(b[i:], [][]byte{{0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 0}, {0, 0, 0, 0x80}, {0xff, 0xff, 0xff, 0x7f}, {1, 0, 0, 0}}[r.IntN(5)])
		case 3:
			b = b[:i]
		case 4:
			b = append(b, other[:r.IntN(len(other))]...)
		case 5: // a field a little larger or smaller
			b[i] += byte(1 - 2*r.IntN(2))
		case 6:
			n := r.IntN(min(len(b)-i, 64))
			b = append(b[:i:i], b[i+n:]...)
		case 7:
			n := r.IntN(min(len(b)-i, 64))
			b = append(b[:i+n:i+n], b[i:]...)
		case 8: // the same place of another one
			if n := min(len(other)-i, 1+r.IntN(700)); n > 0 {
				b = append(b[:i:i], append(bytes.Clone(other[i:i+n]), b[min(len(b), i+n):]...)...)
			}
		}
	}
	return b
}

// Mutations is how many mutants a test tries: HALLMARK_MUTATIONS, by default 3,000.
func Mutations(t testing.TB) int {
	t.Helper()
	v := os.Getenv("HALLMARK_MUTATIONS")
	if v == "" {
		return 3000
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Each tries Mutations(t) mutants on all processors, and fails where they allocate more than limit bytes each, on average over a
// thousand: what a parser allocates by a length it was told shows there.
func Each(t *testing.T, limit uint64, try func(r *rand.Rand)) {
	t.Helper()
	n, workers := Mutations(t), runtime.GOMAXPROCS(0)
	var before, after runtime.MemStats
	for done := 0; done < n && !t.Failed(); done += 1000 {
		runtime.ReadMemStats(&before)
		var wg sync.WaitGroup
		for w := range workers {
			r := rand.New(rand.NewPCG(uint64(done), uint64(w)))
			wg.Go(func() {
				for range min(1000, n-done) / workers {
					try(r)
				}
			})
		}
		wg.Wait()
		runtime.ReadMemStats(&after)
		if size := after.TotalAlloc - before.TotalAlloc; size > 1000*limit {
			t.Fatalf("%d bytes allocated for 1000 mutants", size)
		}
	}
}
