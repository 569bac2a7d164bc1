package sha256x16

import (
	"os"
	"slices"
	"syscall"
	"testing"
)

func cpuSeconds() float64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6
}

// TestLanesAreTwiceAsFast measures CPU time, which a busy machine disturbs
// little, both ways in turn. Only on demand, for it is no statement about other
// processors.
func TestLanesAreTwiceAsFast(t *testing.T) {
	needsLanes(t)
	if os.Getenv("HALLMARK_BENCH") == "" {
		t.Skip("HALLMARK_BENCH is not set: speed not measured")
	}
	data, out := random(1<<20, 1), make([]byte, 1<<20/MessageSize*32)
	measure := func(portable bool) float64 {
		h, err := New(nil, portable)
		if err != nil {
			t.Fatal(err)
		}
		before := cpuSeconds()
		for range 300 {
			h.Sum(out, data)
		}
		return 300 * float64(len(data)) / 1e9 / (cpuSeconds() - before)
	}
	var ratios []float64
	for range 7 {
		wide, one := measure(false), measure(true)
		t.Logf("GB per CPU second: sixteen lanes %.2f, crypto/sha256 %.2f", wide, one)
		ratios = append(ratios, wide/one)
	}
	slices.Sort(ratios)
	if m := ratios[len(ratios)/2]; m < 2 {
		t.Errorf("median %.2f times crypto/sha256, bar 2", m)
	}
}
