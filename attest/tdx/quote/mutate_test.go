package quote_test

import (
	"math/rand/v2"
	"sync/atomic"
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
	pool := roots(t)
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
	var accepted atomic.Int64
	vectors.Each(t, 1<<20, func(r *rand.Rand) {
		b := vectors.Mutate(r, all[r.IntN(len(all))], all[r.IntN(len(all))])
		q, err := quote.Parse(b)
		if err != nil {
			return
		}
		p, err := q.CheckSignature(pool, at)
		if err != nil {
			return
		}
		if accepted.Add(1); !known[said{q.Body, q.QE, p.PPIDHash}] {
			t.Errorf("accepted with another meaning: %x", b)
		}
	})
	t.Logf("%d mutants, %d accepted with the meaning they had", vectors.Mutations(t), accepted.Load())
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
