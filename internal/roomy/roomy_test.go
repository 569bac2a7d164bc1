package roomy

import (
	"sync"
	"testing"
)

// deep needs about 8 KiB of stack, in small frames as reflection does.
//
//go:noinline
func deep(n int, p *int) int {
	var pad [14]int
	pad[n%14] = *p
	if n == 0 {
		return pad[0]
	}
	return deep(n-1, &pad[n%14]) + pad[n%14]
}

func BenchmarkDeepGoroutine(b *testing.B) {
	for name, first := range map[string]func(){"grown": Stack, "as it comes": func() {}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var wg sync.WaitGroup
				wg.Go(func() { first(); one := 1; deep(60, &one) })
				wg.Wait()
			}
		})
	}
}
