package main

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/internal/hw"
	"github.com/hallmark-attest/hallmark/internal/sim/node"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
	"github.com/hallmark-attest/hallmark/verify/client"
)

// BenchmarkChallengeBesideRawTPM times one validator alone over a kept
// connection, its challenges signed beforehand, beside the bare TPM operations
// (register reads and quote) on a second software TPM of the same machine, taking turns. It reports medians.
func BenchmarkChallengeBesideRawTPM(b *testing.B) {
	tools, err := node.Find(programs(b))
	if err != nil {
		b.Fatal(err)
	}
	s, err := newStage(b.TempDir(), tools)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.stop() })
	s.perMinute = 1_000_000
	n, err := s.startNode(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = n.Stop() })
	v, _, err := newValidator(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	c, err := client.New(n.URL, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	id, _, err := c.Identity(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	ueid, err := attest.ParseUEID(id.UEID)
	if err != nil {
		b.Fatal(err)
	}
	raw := rawTPM(b)
	var challenges, quotes []time.Duration
	size := 0
	for b.Loop() {
		var qualifying [32]byte
		rand.Read(qualifying[:])
		begin := time.Now()
		if _, err := raw.Quote(b.Context(), qualifying); err != nil {
			b.Fatal(err)
		}
		quotes = append(quotes, time.Since(begin))
		ch, err := client.NewChallenge(ueid, attest.Built(), time.Now())
		if err != nil {
			b.Fatal(err)
		}
		signed, err := client.SignChallenge(v.Key, ch)
		if err != nil {
			b.Fatal(err)
		}
		begin = time.Now()
		response, _, err := c.Challenge(b.Context(), signed)
		if err != nil {
			b.Fatal(err)
		}
		challenges, size = append(challenges, time.Since(begin)), len(response)
	}
	median := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2].Microseconds()) / 1000
	}
	b.ReportMetric(median(challenges), "challenge-ms")
	b.ReportMetric(median(quotes), "raw-ms")
	b.ReportMetric(float64(size), "answer-bytes")
}

func rawTPM(b *testing.B) *tpm.Device {
	t, err := swtpm.Start(b.TempDir(), swtpm.Options{WithoutCertificates: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = t.Stop() })
	conn, err := hw.OpenTPM("unix:" + t.Socket())
	if err != nil {
		b.Fatal(err)
	}
	d, err := tpm.NewDevice(b.Context(), conn, tpm.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return d
}
