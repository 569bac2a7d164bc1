package rules

import "fmt"

// N2: links that the stated model does not have, or lacks.
//
//	violated: |stated NVLinks - those of the model|  above the limit
//
// Unit: links. Judged where two GPUs or more of one model are stated: one alone, given to a virtual machine, has its links turned off.
// Models with bridges, which may be left out, have no number of links in the catalogue: they are not judged.
var n2 = Rule{ID: "N2", Group: Fabric, Kind: Heuristic,
	Reads:    []string{"gpu[].nvlink", "gpu[].pci"},
	Sentence: "The NVLinks of the GPUs are not those of the model that they say they are: older or other boards, posing as a pod.",
	Honest:   "Partitions of a fabric, links that are switched off, rows of the catalogue that are wrong.",
	eval: func(e *eval) {
		e.devices(func(g *GPU) {
			switch {
			case g.Sliced != "":
				e.unable(g.Name, NotApplicable, "it is not a whole board ("+g.Sliced+")", g.From)
			case g.Model == nil || g.Model.NVLinks == nil:
				e.unable(g.Name, Lacking, "the NVLinks of "+quoted(g.Named)+" are not known", g.From)
			case g.ActiveLinks == nil:
				e.unable(g.Name, Silent, "its NVLinks are not stated", g.From)
			case e.sameModel(g) < 2:
				e.unable(g.Name, NotApplicable, "it is the only one of its model on this host", g.From)
			default:
				e.hold(reading{subject: g.Name, limit: "links_apart", scope: e.gpuScope(g.Key), value: abs(float64(*g.ActiveLinks) - *g.Model.NVLinks), basis: Other,
					inputs: []Source{g.From, {"catalogue " + g.Model.Model, "", Validator}},
					reason: fmt.Sprintf("%d active NVLinks, a %s has %.0f", *g.ActiveLinks, g.Model.Model, *g.Model.NVLinks)})
			}
		})
	}}

func (e *eval) sameModel(g *GPU) (n int) {
	for i := range e.in.GPUs {
		if m := e.in.GPUs[i].Model; m != nil && m == g.Model {
			n++
		}
	}
	return n
}

func abs(v float64) float64 { return max(v, -v) }
