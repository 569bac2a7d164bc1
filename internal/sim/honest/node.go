package honest

import (
	"math"
	"math/rand/v2"

	"github.com/hallmark-attest/hallmark/verify/rules"
)

// Node is one honest node.
type Node struct {
	Seed      uint64
	Input     *rules.Input
	Disturbed []string // names of its disturbances
}

// Draw makes the node of a seed.
func Draw(seed uint64) *Node {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 0x686f6e657374))}
	w.hardware()
	w.loads()
	w.serves()
	w.times()
	n := &Node{Seed: seed}
	for _, d := range disturbances {
		if w.chance(d.probability) {
			d.disturb(w)
			n.Disturbed = append(n.Disturbed, d.name)
		}
	}
	n.Input = w.input()
	return n
}

// world is how a node truly is; input tells what of it is seen.
type world struct {
	*rand.Rand
	machine
	service
	clockwork
	watched
	past
}

func (w *world) chance(p float64) bool { return w.Float64() < p }

func (w *world) between(least, most float64) float64 { return least + (most-least)*w.Float64() }

// about is a factor near 1, of a spread.
func (w *world) about(spread float64) float64 { return math.Exp(spread * w.NormFloat64()) }

func one[T any](w *world, of ...T) T { return of[w.IntN(len(of))] }

func ptr[T any](v T) *T { return &v }

func claim(w *world, kind string) rules.Source {
	return rules.Source{Name: "claims " + kind, By: w.worth}
}

func (w *world) input() *rules.Input {
	in := &rules.Input{Sent: w.sent, Received: w.sent + uint64(w.between(200, 3000))}
	in.GPUs = w.gpuInput()
	in.Engines = []rules.Engine{w.engineInput(in.Received)}
	in.Stats = w.results()
	w.telemetryInput(in)
	w.historyInput(in)
	if w.confidential {
		in.Confidential = &rules.Confidential{From: claim(w, "gpu"), Devices: len(in.GPUs)}
	}
	return in
}
