package quote_test

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/tdx/internal/vectors"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// TestMutatedQuotes: no mutant panics or allocates without bound, and one that is accepted says what one of the quotes says.
func TestMutatedQuotes(t *testing.T) {
	all := canonical(t)
	known := map[any]bool{}
	type said struct {
		quote.Body
		quote.QEReport
		ppid [32]byte
	}
	pool, n := roots(t), vectors.Mutations(t)
	for _, raw := range all {
		q, err := quote.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		p, err := q.CheckSignature(pool, at)
		if err != nil {
			t.Fatal(err)
		}
		known[said{q.Body, q.QE, p.PPIDHash}] = true
	}
	r := rand.New(rand.NewPCG(1, uint64(n)))
	accepted := 0
	const batch = 100
	var before, after runtime.MemStats
	for done := 0; done < n; done += batch {
		runtime.ReadMemStats(&before)
		for range batch {
			b := vectors.Mutate(r, all[r.IntN(len(all))], all[r.IntN(len(all))])
			q, err := quote.Parse(b)
			if err != nil {
				continue
			}
			p, err := q.CheckSignature(pool, at)
			if err != nil {
				continue
			}
			accepted++
			if !known[said{q.Body, q.QE, p.PPIDHash}] {
				t.Fatalf("accepted with another meaning: %x", b)
			}
		}
		runtime.ReadMemStats(&after)
		if size := after.TotalAlloc - before.TotalAlloc; size > batch<<20 {
			t.Fatalf("%d bytes allocated for %d mutants", size, batch)
		}
	}
	t.Logf("%d mutants, %d accepted with the meaning they had", n, accepted)
}

func FuzzParse(f *testing.F) {
	for _, raw := range canonical(f) {
		f.Add(raw)
	}
	pool := roots(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		q, err := quote.Parse(raw)
		if err != nil {
			return
		}
		again, err := quote.Parse(q.Canonical())
		if err != nil || again.Body != q.Body || again.QE != q.QE {
			t.Fatalf("the canonical quote is read otherwise: %v", err)
		}
		_, _ = q.CheckSignature(pool, at)
	})
}
