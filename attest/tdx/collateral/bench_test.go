package collateral_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/internal/vectors"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// The three of them verify one captured quote with its collateral: the library in its full mode, and we from the same bytes; and we
// with the collateral remembered. Bars: Full at most 1.3 of Library, Memoised at most 0.5.

func BenchmarkLibrary(b *testing.B) {
	raw, file := vectors.Read(b, "phala-tdx_quote.v4.bin"), vectors.Read(b, june2025)
	roots, err := quote.IntelRoots()
	if err != nil {
		b.Fatal(err)
	}
	g := fileGetter(b, file)
	for b.Loop() {
		if err := library(raw, roots, g, issued[june2025]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFull(b *testing.B) {
	raw, file := vectors.Read(b, "phala-tdx_quote.v4.bin"), vectors.Read(b, june2025)
	for b.Loop() {
		c, err := collateral.Parse(file)
		if err != nil {
			b.Fatal(err)
		}
		judgeOnce(b, raw, c, new(collateral.Memo))
	}
}

func BenchmarkMemoised(b *testing.B) {
	raw, file := vectors.Read(b, "phala-tdx_quote.v4.bin"), vectors.Read(b, june2025)
	c, err := collateral.Parse(file)
	if err != nil {
		b.Fatal(err)
	}
	var memo collateral.Memo
	for b.Loop() {
		judgeOnce(b, raw, c, &memo)
	}
}

func judgeOnce(b *testing.B, raw []byte, c *collateral.Collateral, memo *collateral.Memo) {
	roots, err := quote.IntelRoots()
	if err != nil {
		b.Fatal(err)
	}
	at := issued[june2025]
	q, err := quote.Parse(raw)
	if err != nil {
		b.Fatal(err)
	}
	p, err := q.CheckSignature(roots, at)
	if err != nil {
		b.Fatal(err)
	}
	checked, err := memo.Check(c, roots, at)
	if err != nil {
		b.Fatal(err)
	}
	if tcb, err := checked.Appraise(q, p); err != nil || tcb.Status != collateral.UpToDate {
		b.Fatal(tcb, err)
	}
}

// BenchmarkRatios takes turns, so that a busy machine disturbs all three alike, and counts CPU time, not the clock's.
func BenchmarkRatios(b *testing.B) {
	raw, file := vectors.Read(b, "phala-tdx_quote.v4.bin"), vectors.Read(b, june2025)
	roots, err := quote.IntelRoots()
	if err != nil {
		b.Fatal(err)
	}
	g := fileGetter(b, file)
	var memo collateral.Memo
	kept, err := collateral.Parse(file)
	if err != nil {
		b.Fatal(err)
	}
	var spent [3]time.Duration
	for b.Loop() {
		for i, do := range []func(){
			func() { _ = library(raw, roots, g, issued[june2025]) },
			func() {
				c, err := collateral.Parse(file)
				if err != nil {
					b.Fatal(err)
				}
				judgeOnce(b, raw, c, new(collateral.Memo))
			},
			func() { judgeOnce(b, raw, kept, &memo) },
		} {
			before := cpu(b)
			for range 20 {
				do()
			}
			spent[i] += cpu(b) - before
		}
	}
	b.ReportMetric(spent[0].Seconds()*1e3/float64(b.N)/20, "library-ms")
	b.ReportMetric(spent[1].Seconds()/spent[0].Seconds(), "full/library")
	b.ReportMetric(spent[2].Seconds()/spent[0].Seconds(), "memoised/library")
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
