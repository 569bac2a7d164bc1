package agent

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// BenchmarkChallenges is a closed loop of validators against one TPM that takes
// a fixed time per quote, with batching and with one quote per challenge.
// Clients keep their connections and have signed beforehand.
func BenchmarkChallenges(b *testing.B) {
	for _, took := range []time.Duration{5 * time.Millisecond, 250 * time.Millisecond} {
		for _, clients := range []int{1, 8, 64} {
			for _, limit := range []int{1, attest.MaxBatch} {
				b.Run(fmt.Sprintf("quote=%v/clients=%d/cap=%d", took, clients, limit), func(b *testing.B) {
					benchmarkChallenges(b, took, clients, limit)
				})
			}
		}
	}
}

func benchmarkChallenges(b *testing.B, took time.Duration, clients, limit int) {
	tpm := newFakeTPM(b)
	tpm.took = took
	n := startNode(b, nodeOptions{tpm: tpm, batch: BatchOptions{Cap: limit}})
	docs := make([][]byte, b.N)
	for i := range docs {
		docs[i] = seal(b, n.validator, attest.TypeChallenge, n.challenge(func(c *attest.Challenge) { c.Expires = c.Issued + attest.MaxLifeMillis }))
	}
	before := tpm.quotes.Load()
	var next atomic.Int64
	var mu sync.Mutex
	var latency []time.Duration
	var wg sync.WaitGroup
	b.ResetTimer()
	for range clients {
		wg.Go(func() {
			client := newClient()
			defer client.CloseIdleConnections()
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				start := time.Now()
				r, err := client.Post(n.url+"/v1/challenge", attest.TypeChallenge, bytes.NewReader(docs[i]))
				if err != nil {
					b.Error(err)
					return
				}
				io.Copy(io.Discard, r.Body)
				r.Body.Close()
				if r.StatusCode != 200 {
					b.Error(r.Status)
				}
				mu.Lock()
				latency = append(latency, time.Since(start))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	slices.Sort(latency)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "answers/s")
	b.ReportMetric(float64(latency[len(latency)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(latency[len(latency)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(b.N)/float64(tpm.quotes.Load()-before), "answers/quote")
}
