package bootlog_test

import (
	"testing"

	"github.com/hallmark-attest/hallmark/attest/bootlog"
)

func BenchmarkJudge(b *testing.B) {
	for _, v := range verdicts {
		raw := sampleOf(b, v.name)
		pcrs := replay(raw, v.bank, v.locality)
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bootlog.Judge(raw, v.bank, pcrs)
			}
		})
	}
}
