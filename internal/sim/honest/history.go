package honest

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/verify/rules"
)

// past is what the validator's history has.
type past struct {
	step   string // of the TPM's clock; empty: no earlier quote
	known  bool   // there is a history of nodes
	first  uint64 // when this node first stated its cards
	came   uint64 // when the last of them came; 0: with the others
	others []owner
}

// owner is another node that stated the last card of this one.
type owner struct {
	name        string
	by          rules.Assurance
	first, last uint64
}

func (w *world) pasts() {
	w.first = w.asked - uint64(w.between(day, 200*day))
	w.known = w.chance(.7)
	if w.chance(.7) {
		w.step = "continuous"
	}
}

func (w *world) key(i int) string  { return fmt.Sprintf("00000000:%02x:00.0", 0x1b+i*8) }
func (w *world) card(i int) string { return fmt.Sprintf("card-%d", i) }

func (w *world) historyInput(in *rules.Input) {
	if w.step == "" {
		in.ClockWhy = "no earlier quote of this key to compare with"
	} else {
		in.Clock = &rules.Clock{From: rules.Source{Name: "TPM quote", By: rules.Hardware}, Step: w.step, Seen: "as the TPM has it"}
	}
	if in.NodesWhy = "no history"; !w.known {
		return
	}
	in.NodesWhy, in.Nodes = "", []rules.Node{}
	for i := range in.GPUs {
		g := &in.GPUs[i]
		if g.FirstStated = w.first; w.came != 0 && g.Identity == w.card(w.count-1) {
			g.FirstStated = w.came
		}
	}
	for _, o := range w.others {
		in.Nodes = append(in.Nodes, rules.Node{Name: o.name, From: rules.Source{Name: "verdict on " + o.name, By: o.by}, GPUs: []string{w.card(w.count - 1)}, First: o.first, Last: o.last})
	}
}
