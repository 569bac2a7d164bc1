package rules

import "slices"

// I1: one GPU under two names.
//
//	violated: GPUs that this node and another state at overlapping times, where this one's claim rests on less, or on as much and came later
//
// Unit: GPUs. The other node gets a note: a GPU's identity is no secret, and claiming it must harm nobody else. UUIDs are compared; serial numbers are
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
		stated := 0
		e.devices(func(g *GPU) {
			if g.Identity == "" || g.Sliced != "" {
				return
			}
			stated++
			claims, reason, inputs := 0, "no other node states it", []Source{g.From}
			since := e.firstStated(g)
			for _, n := range e.in.Nodes {
				// A node that says no more of a card than before we did has given it away.
				if !slices.Contains(n.GPUs, g.Identity) || n.Last < since {
					continue
				}
				inputs = append(inputs, n.From)
				switch {
				case stronger(g.From.By, n.From.By), g.From.By == n.From.By && since < n.First:
					reason = "node " + quoted(n.Name) + " states it too, later or by weaker evidence"
				default:
					claims++
					reason = "node " + quoted(n.Name) + " stated it before, or by stronger evidence"
				}
			}
			e.hold(reading{subject: g.Name, limit: "claims", value: float64(claims), basis: Other, inputs: inputs, reason: reason})
		})
		if stated == 0 && len(e.in.GPUs) > 0 {
			e.unable("", NotApplicable, "no whole board with a UUID is stated")
		}
	}}

// firstStated is of this card alone: that a node had others for long neither shows that it had this one, nor burdens it where one came later.
func (e *eval) firstStated(g *GPU) uint64 {
	if at := e.in.FirstStated[g.Identity]; at != 0 {
		return at
	}
	return e.in.Received
}

// stronger reports whether a rests on more than b.
func stronger(a, b Assurance) bool {
	order := []Assurance{Asserted, Measured, Hardware}
	return slices.Index(order, a) > slices.Index(order, b)
}
