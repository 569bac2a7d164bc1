package rules

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/stats"
)

// observed checks what a bound on the validator's own measurement takes for granted, and says what is not shown. What holds then: this host
// alone answered, by the engine process and the model that are stated.
func (e *eval) observed(eng *Engine, s Stat) bool {
	subject := "engine " + eng.Name
	inputs := []Source{eng.From, s.From}
	switch {
	case s.Subject.Endpoint == "":
		e.unable(subject, Lacking, "the results name no endpoint", inputs...)
	case s.Subject.ModelRef == "" || eng.Declared.Model == "":
		e.unable(subject, Lacking, "the results name no model (model_ref), or the node declares none: which one answered is not known", inputs...)
	case !eng.Declared.Alone:
		e.unable(subject, Silent, "the node does not state that it answers alone at its public address (engines[].declared.alone): another host may have", inputs...)
	case s.Epoch.StartMS == 0 || s.Epoch.EndMS == 0:
		e.unable(subject, Lacking, "the results do not state when they were asked (epoch.start, epoch.end)", inputs...)
	case eng.Since == 0 || eng.Since > s.Epoch.StartMS-min(roundedMS, s.Epoch.StartMS):
		e.unable(subject, Premise, "the engine's process did not surely run when the first question was asked", inputs...)
	case e.in.Sent < s.Epoch.EndMS:
		e.unable(subject, Premise, "the evidence is from before the last answer: challenge the node again", inputs...)
	case eng.Model == nil:
		e.unable(subject, Silent, orNot(eng.ModelWhy), inputs...)
	case eng.Adapted != "":
		e.unable(subject, Premise, "the engine was started with "+eng.Adapted+": which of its models answered is not known", inputs...)
	default:
		return true
	}
	return false
}

// roundedMS is by how much the start of a process may be off: kernels count from whole seconds, and a clock may be set meanwhile.
const roundedMS = 5000

// leastBytes is the size from which weights do not fit in the caches of so many GPUs, 150 MB of each, and one that is worth bounding.
func leastBytes(gpus int) float64 { return max(0.5e9, 150e6*float64(gpus)) }

// hostGBps is what the memory of a host may add where layers are computed there.
const hostGBps = 600

// maxDepth is the depth of speculation from which no bound is left.
const maxDepth = 8

// bandwidth is the most that the stated GPUs can read together, GB/s; 0 with the reason said.
func (e *eval) bandwidth(eng *Engine) (total float64, names string, from []Source, ok bool) {
	if !e.whole(eng) {
		return 0, "", nil, false
	}
	for i := range e.in.GPUs {
		g := &e.in.GPUs[i]
		if g.Model == nil || g.Model.MemoryGBps == nil {
			e.unable("engine "+eng.Name, Lacking, "the memory bandwidth of "+g.Name+" is not known ("+quoted(g.Named)+")", eng.From, g.From)
			return 0, "", nil, false
		}
		total += *g.Model.MemoryGBps
		from = append(from, Source{"catalogue " + g.Model.Model, "", Validator})
	}
	if m := eng.Model; eng.Held == nil || float64(*eng.Held) < .9*m.WeightBytes {
		total += hostGBps
	}
	return total, fmt.Sprintf("%d x %s", len(e.in.GPUs), e.in.GPUs[0].Model.Model), distinct(append(from, e.in.GPUs[0].From)), true
}

// arithmetic is the most that the stated GPUs can compute together, 1e12 operations a second.
func (e *eval) arithmetic(eng *Engine) (total float64, ok bool) {
	for i := range e.in.GPUs {
		g := &e.in.GPUs[i]
		if g.Model == nil || g.Model.FastestTFLOPs() == nil {
			e.unable("engine "+eng.Name, Lacking, "the arithmetic of "+g.Name+" is not known ("+quoted(g.Named)+")", eng.From, g.From)
			return 0, false
		}
		total += *g.Model.FastestTFLOPs()
	}
	return total, true
}

// whole says why the GPUs bound nothing: none stated, slices of boards, or a group of hosts.
func (e *eval) whole(eng *Engine) bool {
	subject := "engine " + eng.Name
	if len(e.in.GPUs) == 0 {
		e.unable(subject, Silent, "no GPU is stated: "+orNot(e.in.GPUsWhy), eng.From)
		return false
	}
	if n := eng.Declared.TensorParallel; n > uint64(len(e.in.GPUs)) {
		e.unable(subject, Premise, fmt.Sprintf("%d GPUs are declared and %d stated: other hosts have a share", n, len(e.in.GPUs)), eng.From)
		return false
	}
	for _, g := range e.in.GPUs {
		if g.Sliced != "" {
			e.unable(subject, NotApplicable, g.Name+" is not a whole board ("+g.Sliced+")", eng.From, g.From)
			return false
		}
	}
	return true
}

func distinct(in []Source) (out []Source) {
	seen := map[Source]bool{}
	for _, s := range in {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// unique says whether nothing of a prompt can have been computed before it was asked.
func unique(r *stats.Result) bool { return r.Sample.Sampling != nil && r.Sample.Sampling.UniquePrompts }
