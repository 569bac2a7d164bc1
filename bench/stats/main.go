// Command stats simulates domains of honest and cheating nodes and counts what
// the rules of stats/compute catch and whom they flag wrongly: make bench-stats.
// It fails outside the bars that docs/statistics.md names.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/stats/compute"
)

const (
	repeats = 25
	offset  = 0.3
)

// counts are of nodes; alarms of domains.
type counts struct {
	anchorHit, peersHit, cheaters, anchorWrong, peersWrong, honest, alarms, domains int
	judged                                                                          bool // without reference
}

func main() {
	seed := flag.Uint64("seed", 7, "seed")
	flag.Parse()
	rng := rand.New(rand.NewPCG(*seed, 0))
	failed := table(rng, cells())
	references(rng)
	fmt.Println("\nBeside these nodes as many that answer each question twice:")
	failed = table(rand.New(rand.NewPCG(*seed, 1)), sparse()) || failed
	if failed {
		os.Exit(1)
	}
}

func table(rng *rand.Rand, rows []cell) (failed bool) {
	fmt.Println("| N | cheaters | pair | part | anchor: caught | wrongly | peers: caught | wrongly | alarm | s |\n|---|---|---|---|---|---|---|---|---|---|")
	for _, c := range rows {
		began := time.Now()
		t := simulate(rng, c)
		hit, wrong, alarm := "-", "-", "-"
		if t.judged {
			hit, wrong, alarm = share(t.peersHit, t.cheaters), share(t.peersWrong, t.honest), share(t.alarms, t.domains)
		}
		fmt.Printf("| %d | %.0f %% | %s | %.0f %% | %s | %s | %s | %s | %s | %.1f |\n", c.n, 100*c.share, c.pair(), 100*c.part,
			share(t.anchorHit, t.cheaters), share(t.anchorWrong, t.honest), hit, wrong, alarm, time.Since(began).Seconds())
		for _, why := range bars(c, t) {
			failed = true
			fmt.Fprintln(os.Stderr, "MISSED:", why)
		}
	}
	return failed
}

func simulate(rng *rand.Rand, c cell) counts {
	var t counts
	for range c.reps {
		b := newBank(rng)
		k := int(float64(c.n)*c.share + .5)
		nodes := make([][]compute.Moments, c.n)
		for i := range nodes {
			model := 0
			if i < k {
				model = c.model
				if c.mixed {
					model = 1 + i%2
				}
			}
			nodes[i] = b.draw(rng, model, c.part, repeats, offset)
		}
		anchor, err := compute.Anchor(b.draw(rng, 0, 0, compute.AnchorAnswers, 0))
		check(err)
		t.domains, t.cheaters, t.honest = t.domains+1, t.cheaters+k, t.honest+c.n-k
		for i, n := range nodes {
			a, _, err := anchor.Score(n)
			check(err)
			count(&t.anchorHit, &t.anchorWrong, a >= compute.ScoreCut, i < k)
		}
		for range c.sparse {
			nodes = append(nodes, b.draw(rng, c.theirs, 1, 2, offset))
		}
		peers, err := compute.NewPeers(nodes)
		check(err)
		if t.judged = peers.Err == nil; !t.judged {
			continue
		}
		if peers.Apart >= compute.AlarmShare {
			t.alarms++ // the domain is inconclusive then, and what follows decides nothing
		}
		for i := range c.n {
			count(&t.peersHit, &t.peersWrong, peers.Q[i] <= compute.PeersFDR, i < k)
		}
	}
	return t
}

func count(hit, wrong *int, flagged, cheater bool) {
	switch {
	case flagged && cheater:
		*hit++
	case flagged:
		*wrong++
	}
}

// references says what fewer reference answers do to the cut.
func references(rng *rand.Rand) {
	fmt.Println("\n| reference answers | node's answers | honest nodes | T mean | 99.9 % | T ≥ 1.9 |\n|---|---|---|---|---|---|")
	for _, ref := range []int{10, 25, 50, 100} {
		for _, n := range []int{5, 10, 25} {
			flagged, total, sum := 0, 0, 0.0
			var all []float64
			for range 40 {
				b := newBank(rng)
				c, err := compute.Anchor(b.draw(rng, 0, 0, ref, 0))
				check(err)
				for range 50 {
					s, _, err := c.Score(b.draw(rng, 0, 0, n, offset))
					check(err)
					total++
					sum += s
					all = append(all, s)
					if s >= compute.ScoreCut {
						flagged++
					}
				}
			}
			slices.Sort(all)
			fmt.Printf("| %d | %d | %d | %.2f | %.2f | %s |\n", ref, n, total, sum/float64(total), all[total-1-total/1000], share(flagged, total))
		}
	}
}

func share(a, b int) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.4g", float64(a)/float64(b))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-stats:", err)
		os.Exit(2)
	}
}
