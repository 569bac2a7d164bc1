package honest

import "github.com/hallmark-attest/hallmark/verify/rules"

func tpmCleared(w *world) { w.step = "cleared" }

// suspended: the clock stood still for a night.
func suspended(w *world) { w.step = "rate" }

func (w *world) other(name string, by rules.Assurance, first, last uint64) {
	w.known = true
	w.others = append(w.others, owner{name: name, by: by, first: first, last: last})
}

// cardMoved: a new node has a card that another one gave away.
func cardMoved(w *world) {
	w.first = w.asked - uint64(w.between(hour, 20*day))
	last := w.first - uint64(w.between(minute, 30*day))
	w.other("giver", w.worth, last-uint64(w.between(day, 100*day)), last)
}

// cardFromOlder: a card came to this node, which had others before; the node that gave it is the older.
func cardFromOlder(w *world) {
	if w.count == 1 {
		cardMoved(w)
		return
	}
	came := w.asked - uint64(w.between(hour, 20*day))
	w.came = came
	last := came - uint64(w.between(minute, day))
	w.other("older giver", one(w, rules.Asserted, rules.Measured), min(w.first, last)-uint64(w.between(day, 100*day)), last)
}

// cardBack: this node's card was elsewhere for some time.
func cardBack(w *world) {
	first := w.first + uint64(w.between(0, float64(w.asked-w.first)))
	w.other("borrower", w.worth, first, first+uint64(w.between(0, float64(w.asked-first))))
}

// agentAnew: the same host under another name, which is no longer heard of.
func agentAnew(w *world) {
	w.first = w.asked - uint64(w.between(0, 5*day))
	w.came = 0
	w.other("former self", w.worth, w.first-uint64(w.between(day, 50*day)), w.first-uint64(w.between(minute, day)))
}

// agentTwice: and the former agent still answers.
func agentTwice(w *world) {
	w.first = w.asked - uint64(w.between(day, 5*day))
	w.came = 0
	w.other("former self", w.worth, w.first-uint64(w.between(day, 50*day)), w.first+uint64(w.between(0, day)))
}

// copied: another node states this one's card, later and by its word alone.
func copied(w *world) {
	w.other("copier", rules.Asserted, w.first+uint64(w.between(minute, day)), w.asked)
}
