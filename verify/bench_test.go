package verify

import (
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
)

// BenchmarkVerify is one core's cost of judging one record: a small node, one
// with eight GPUs, and one that is refused at the first check of its response.
func BenchmarkVerify(b *testing.B) {
	full := newForge(b)
	full.claims[attest.KindGPU] = readTestdata(b, "../gpu/testdata/h100-sxm-8.cbor")
	full.claims[attest.KindEngine] = full.must(attest.Marshal(engine.Claims{ObtainedAt: ms(full.at), How: "procfs", Engines: []engine.Engine{*serving(b)}}))
	bad := newForge(b)
	bad.bound = func(v *attest.Bound) { v.Root = tlsKey }
	for _, c := range []struct {
		name  string
		forge *forge
		ok    bool
	}{{"tpm", newForge(b), true}, {"tpm+8gpu+engine", full, true}, {"refused", bad, false}} {
		p, err := DefaultPolicy()
		if err != nil {
			b.Fatal(err)
		}
		v, err := New(Endorsements{Validator: &c.forge.validator.PublicKey, Node: c.forge.nodeFile()}, nil, p)
		if err != nil {
			b.Fatal(err)
		}
		record := c.forge.make()
		o := Options{At: c.forge.at.Add(time.Second), Asked: TierCommunity}
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(record)))
			for b.Loop() {
				if r, err := v.Verify(record, o); err != nil || r.Accepted != c.ok {
					b.Fatal(err, r)
				}
			}
		})
	}
}
