package rules

import (
	"cmp"
	"slices"
)

// I1: one GPU under two names.
//
//	violated: nodes that state the same GPU at an overlapping time, by evidence that rests on more, or on as much and came first, above the limit
//
// Unit: nodes, for each GPU. The other node gets a note: a GPU's identity is no secret, and claiming it must harm nobody else. UUIDs are compared; serial numbers are
// the board's, of which several GPUs may be part. Slices have UUIDs of their own.
var i1 = Rule{ID: "I1", Group: Identity, Kind: Bound,
	Reads:    []string{"gpu[].uuid", "history of all nodes"},
	Sentence: "Another node of this validator stated the same GPU before: one card is sold twice, or somebody copies its identity.",
	Honest:   "A card that moved: its old host no longer states it. An agent that was set up anew: enroll it under its old name, or retire that.",
	eval: func(e *eval) {
		if e.in.Nodes == nil {
			e.missing(Lacking, "other nodes are not known: "+orNot(e.in.NodesWhy))
			return
		}
		e.devices(func(g *GPU) {
			switch {
			case g.Sliced != "":
				e.unable(g.Name, NotApplicable, "it is not a whole board ("+g.Sliced+")", g.From)
				return
			case g.Identity == "":
				e.unable(g.Name, Silent, "no UUID of it is stated", g.From)
				return
			}
			first := cmp.Or(g.FirstStated, e.in.Received)
			claims, reason, inputs := 0, "no other node states it", []Source{g.From}
			for _, n := range e.in.Nodes {
				// A node that says no more of a card than before we did has given it away.
				if !slices.Contains(n.GPUs, g.Identity) || n.Last < first {
					continue
				}
				inputs = append(inputs, n.From)
				switch {
				case stronger(g.From.By, n.From.By), g.From.By == n.From.By && first < n.First:
					reason = "node " + quoted(n.Name) + " states it too, later or by weaker evidence"
				default:
					claims++
					reason = "node " + quoted(n.Name) + " stated it before, or by stronger evidence"
				}
			}
			// Not all was read: what was is a lower bound, where it is known since when this node states the card.
			if g.Untold != "" && (claims == 0 || g.FirstStated == 0) {
				e.unable(g.Name, Silent, g.Untold, g.From)
				return
			}
			e.hold(reading{subject: g.Name, limit: "claims", value: float64(claims), basis: Other, inputs: inputs, reason: reason})
		})
	}}

// stronger reports whether a rests on more than b.
func stronger(a, b Assurance) bool {
	order := []Assurance{Asserted, Measured, Hardware}
	return slices.Index(order, a) > slices.Index(order, b)
}
