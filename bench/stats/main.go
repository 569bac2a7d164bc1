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

// cell is one row: a domain of n nodes of which a share run the wrong model for a part of their answers.
type cell struct {
	n     int
	share float64
	model int // 1 hard, 2 easy
	part  float64
	reps  int
	mixed bool // half of the cheaters run each wrong model
}

// counts are of nodes; alarms of domains.
type counts struct{ anchorHit, peersHit, cheaters, anchorWrong, peersWrong, honest, alarms, domains int }

func main() {
	seed := flag.Uint64("seed", 7, "seed")
	flag.Parse()
	rng := rand.New(rand.NewPCG(*seed, 0))
	fmt.Println("| N | cheaters | pair | part | anchor: caught | wrongly | peers: caught | wrongly | alarm | s |\n|---|---|---|---|---|---|---|---|---|---|")
	failed := false
	for _, c := range cells() {
		began := time.Now()
		t := simulate(rng, c)
		fmt.Printf("| %d | %.0f %% | %s | %.0f %% | %s | %s | %s | %s | %s | %.1f |\n", c.n, 100*c.share, c.pair(), 100*c.part,
			share(t.anchorHit, t.cheaters), share(t.anchorWrong, t.honest), share(t.peersHit, t.cheaters), share(t.peersWrong, t.honest), share(t.alarms, t.domains), time.Since(began).Seconds())
		for _, why := range bars(c, t) {
			failed = true
			fmt.Fprintln(os.Stderr, "MISSED:", why)
		}
	}
	references(rng)
	if failed {
		os.Exit(1)
	}
}

func cells() []cell {
	var out []cell
	reps := map[int]int{10: 60, 100: 10, 1000: 1}
	for _, n := range []int{10, 100, 1000} {
		for _, share := range []float64{0, .01, .1, .3, .4, .49} {
			if n == 10 && share == .01 {
				continue
			}
			for model := 2; model >= 1; model-- {
				out = append(out, cell{n, share, model, 1, reps[n], false})
			}
		}
	}
	out = append(out, cell{100, .3, 1, 1, 10, true}, cell{100, .45, 1, 1, 10, true}, cell{100, .6, 1, 1, 10, true}, cell{100, .6, 1, 1, 10, false}, cell{100, .8, 1, 1, 10, false})
	for _, part := range []float64{.05, .1, .2, .3, .5} {
		out = append(out, cell{100, .1, 1, part, 6, false}, cell{100, .1, 2, part, 6, false})
	}
	return out
}

func (c *cell) pair() string {
	if c.mixed {
		return "both"
	}
	return [...]string{"", "hard", "easy"}[c.model]
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
		middle, err := compute.Middle(nodes)
		check(err)
		scores := make([]float64, c.n)
		t.domains, t.cheaters, t.honest = t.domains+1, t.cheaters+k, t.honest+c.n-k
		for i, n := range nodes {
			a, _, err := anchor.Score(n)
			check(err)
			scores[i], _, err = middle.Score(n)
			check(err)
			count(&t.anchorHit, &t.anchorWrong, a >= compute.ScoreCut, i < k)
		}
		p, err := compute.EmpiricalNull(scores)
		check(err)
		q := compute.Adjust(p)
		if _, part := compute.Apart(nodes, middle, q); part >= compute.AlarmShare {
			t.alarms++ // the domain is inconclusive then, and what follows decides nothing
		}
		for i := range q {
			count(&t.peersHit, &t.peersWrong, q[i] <= compute.PeersFDR, i < k)
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

// bars are the lab's figures on real answers, with room for chance.
func bars(c cell, t counts) (missed []string) {
	at := fmt.Sprintf("N=%d %.0f %% model %d part %.0f %%: ", c.n, 100*c.share, c.model, 100*c.part)
	ratio := func(a, b int) float64 { return float64(a) / float64(max(b, 1)) }
	if ratio(t.anchorWrong, t.honest) > .005 {
		missed = append(missed, at+"anchor flags honest nodes")
	}
	if c.share > 0 && c.part == 1 && ratio(t.anchorHit, t.cheaters) < .99 {
		missed = append(missed, at+"anchor misses cheaters")
	}
	if wrong := ratio(t.peersWrong, t.honest); c.n >= 100 && wrong > .01 && c.share < .5 {
		missed = append(missed, at+"peers flag honest nodes")
	}
	if c.n >= 100 && c.part == 1 && c.share < .7 && (c.share >= .3 && t.alarms < t.domains || c.share < .2 && t.alarms > 0) {
		missed = append(missed, at+"the alarm")
	}
	if c.n >= 100 && c.part == 1 && c.share > 0 && c.share <= .1 && ratio(t.peersHit, t.cheaters) < .99 {
		missed = append(missed, at+"peers miss cheaters")
	}
	return missed
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
