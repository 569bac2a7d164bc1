package main

import "fmt"

// cell is one row: a domain of n nodes of which a share run the wrong model for a part of their answers.
type cell struct {
	n     int
	share float64
	model int // 1 hard, 2 easy
	part  float64
	reps  int
	mixed bool // half of the cheaters run each wrong model

	sparse int // nodes beside these n that answer each question twice, and decide nothing
	theirs int // the sparse nodes' model: 0 honest
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
				out = append(out, cell{n: n, share: share, model: model, part: 1, reps: reps[n]})
			}
		}
	}
	for _, c := range []cell{{share: .3, mixed: true}, {share: .45, mixed: true}, {share: .6, mixed: true}, {share: .6}, {share: .8}} {
		c.n, c.model, c.part, c.reps = 100, 1, 1, 10
		out = append(out, c)
	}
	for _, part := range []float64{.05, .1, .2, .3, .5} {
		out = append(out, cell{n: 100, share: .1, model: 1, part: part, reps: 6}, cell{n: 100, share: .1, model: 2, part: part, reps: 6})
	}
	return out
}

// sparse are domains with nodes that could not be judged: honest ones that would
// hide the cheaters among them, and cheaters that would take the middle.
func sparse() []cell {
	var out []cell
	for _, share := range []float64{0, .1, .3, .4} {
		for model := range 2 {
			out = append(out, cell{n: 100, share: share, model: 1, part: 1, reps: 10, sparse: 100, theirs: model})
		}
	}
	return out
}

func (c *cell) pair() string {
	if c.mixed {
		return "both"
	}
	pair := [...]string{"", "hard", "easy"}[c.model]
	if c.sparse > 0 {
		pair += [...]string{", sparse ones honest", ", sparse ones too"}[c.theirs]
	}
	return pair
}

// bars are the lab's figures on real answers, with room for chance; docs/statistics.md names them.
func bars(c cell, t counts) (missed []string) {
	at := fmt.Sprintf("N=%d %.0f %% %s part %.0f %%: ", c.n, 100*c.share, c.pair(), 100*c.part)
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
