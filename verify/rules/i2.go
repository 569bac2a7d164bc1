package rules

import (
	"fmt"
	"strings"
)

// I2: a GPU that is not what its PCI id says.
//
//	violated: properties (architecture, compute capability, memory size, memory bus, cores) that differ from the catalogue's row, above the limit
//
// Unit: properties. Memory may differ by 8 %: where check bits have no memory of their own (GDDR), ECC takes a sixteenth, and drivers 2 %. An id without row is a model that is not known.
var i2 = Rule{ID: "I2", Group: Identity, Kind: Heuristic,
	Reads:    []string{"gpu[].pci", "gpu[].architecture", "gpu[].compute_capability", "gpu[].memory", "gpu[].cuda_cores"},
	Sentence: "What a GPU says of itself is not what a card of its PCI id has: a forged id, another card, or an invented library.",
	Honest:   "Boards made for one customer, rows of the catalogue that are wrong.",
	eval: func(e *eval) {
		e.devices(func(g *GPU) {
			m := g.Model
			switch {
			case g.Sliced != "":
				e.unable(g.Name, NotApplicable, "it is not a whole board ("+g.Sliced+")", g.From)
				return
			case m == nil:
				e.unable(g.Name, Lacking, quoted(g.Named)+": its PCI id is not in the catalogue", g.From)
				return
			}
			var differ []string
			compared := 0
			text := func(what, stated, row string) {
				if stated == "" || row == "" {
					return
				}
				if compared++; stated != row {
					differ = append(differ, fmt.Sprintf("%s %.20q, not %q", what, stated, row))
				}
			}
			number := func(what string, stated, row *float64, tolerance float64) {
				if stated == nil || row == nil {
					return
				}
				if compared++; abs(*stated-*row) > tolerance**row {
					differ = append(differ, fmt.Sprintf("%s %.0f, not %.0f", what, *stated, *row))
				}
			}
			text("architecture", g.Architecture, m.Architecture)
			text("compute capability", g.ComputeCapability, m.ComputeCapability)
			number("MiB", g.MemoryMiB, m.MemoryMiB, .08)
			number("bus bits", g.MemoryBusBits, m.MemoryBusBits, 0)
			number("cores", g.CUDACores, m.CUDACores, 0)
			inputs := []Source{g.From, {"catalogue " + m.Model, "", Validator}}
			if compared == 0 {
				e.unable(g.Name, Silent, "nothing that a row has is stated", inputs...)
				return
			}
			reason := fmt.Sprintf("%d properties are those of %s", compared, m.Model)
			if len(differ) > 0 {
				reason = m.Model + " by its PCI id: " + strings.Join(differ, ", ")
			}
			e.hold(reading{subject: g.Name, limit: "differing", scope: e.gpuScope(g.Key), value: float64(len(differ)), basis: Other, inputs: inputs, reason: reason})
		})
	}}
