package rules

import "fmt"

// M4: weights that take less room on the GPUs than in their files.
//
//	violated: bytes held by the engine's processes on all GPUs / bytes of the weights, below the limit
//
// Unit: 1. The pool of keys and values only adds. Weights kept in host memory, or read by mapping, are honest and fall below.
var m4 = Rule{ID: "M4", Group: Model, Kind: Heuristic,
	Reads:    []string{"gpu[].processes[].used_bytes", "engines[].models[].census", "engines[].tree"},
	Sentence: "The engine holds less GPU memory than its weight files have bytes: they were packed anew while they were loaded, or are not all there.",
	Honest:   "Layers kept in host memory, weights of 32 bits that engines cast to 16 as they load them, and hosts of a group that hold a share each. Declare the precision that the engine computes in.",
	eval: func(e *eval) {
		e.engines(func(eng *Engine) {
			subject := "engine " + eng.Name
			switch {
			case eng.Model == nil:
				e.unable(subject, Silent, orNot(eng.ModelWhy), eng.From)
			case eng.Held == nil:
				e.unable(subject, Premise, orNot(eng.HeldWhy), eng.From)
			case eng.Declared.TensorParallel > uint64(len(e.in.GPUs)):
				e.unable(subject, Premise, fmt.Sprintf("%d GPUs are declared and %d stated: other hosts hold a share", eng.Declared.TensorParallel, len(e.in.GPUs)), eng.From)
			case eng.Model.WeightBytes <= 0:
				e.unable(subject, NotApplicable, "the weight files have no bytes that were counted", eng.From)
			default:
				e.hold(reading{subject: subject, limit: "held_share", scope: e.scope(eng), value: float64(*eng.Held) / eng.Model.WeightBytes, basis: Self, inputs: []Source{eng.From},
					reason: fmt.Sprintf("%.2f GiB held, %.2f GiB in the files", float64(*eng.Held)/(1<<30), eng.Model.WeightBytes/(1<<30))})
			}
		})
	}}
