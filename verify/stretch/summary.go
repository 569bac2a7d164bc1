package stretch

import (
	"cmp"
	"fmt"
	"slices"
)

// Summary is a source over time. Times count from the first record by the time since
// boot, so that a wall clock that is set moves nothing; from one boot to the next by the wall clock.
type Summary struct {
	FirstAtMS uint64   `json:"first_at_ms"` // by the node's clock
	LengthMS  uint64   `json:"length_ms"`
	StepMS    uint64   `json:"step_ms"`
	Records   int      `json:"records"`
	GPUs      []string `json:"gpus"`
	Buckets   []Bucket `json:"buckets"` // by time, then GPU
	Gaps      []Gap    `json:"gaps"`
	GapsFrom  []uint64 `json:"gaps_from_ms"` // where each gap begins
	Facts     []Fact   `json:"facts"`
	FactsAt   []uint64 `json:"facts_from_ms"`
	LeftOut   int      `json:"left_out"` // gaps and facts beyond those listed
}

const (
	maxBuckets = 1 << 20
	maxLength  = 1 << 42 // ms: beyond it times cannot be written
)

// Summarize reads a source to its end. Nothing of it may be believed but on no error.
func Summarize(src Source, stepMS uint64) (*Summary, error) {
	if stepMS == 0 {
		return nil, fmt.Errorf("telemetry: a step of nothing")
	}
	z := &summing{Summary: Summary{StepMS: stepMS, GPUs: []string{}, Buckets: []Bucket{}, Gaps: []Gap{}, GapsFrom: []uint64{}, Facts: []Fact{}, FactsAt: []uint64{}}, open: map[string]int{}, last: map[string]sample{}}
	w, err := lineage(src.Genesis)
	if err != nil {
		return nil, err
	}
	z.fallback = &Stretch{Begin: w[0].doc}
	if err := Each(src, z.add); err != nil {
		return nil, err
	}
	slices.SortStableFunc(z.Buckets, func(a, b Bucket) int {
		return cmp.Or(cmp.Compare(a.FromMS, b.FromMS), cmp.Compare(a.GPU, b.GPU))
	})
	slices.Sort(z.GPUs)
	return &z.Summary, nil
}

type summing struct {
	Summary
	fallback *Stretch // knows the interval of chains whose document is not known
	before   *Entry
	open     map[string]int // the newest bucket of each GPU
	last     map[string]sample
}

func (z *summing) add(e Entry) error {
	cut := z.before == nil
	if cut {
		z.FirstAtMS = e.Record.At
	} else {
		st := between(z.before, &e)
		gap := st.boot || st.millis > Pause(z.fallback.interval(&e))
		cut = gap || st.chain || !st.rises || breaks(&e)
		if gap {
			z.gap(Gap{z.before.Head.Index, e.Head.Index, z.before.Record.At, st.millis, st.chain, st.boot, e.facts()})
		}
		if z.LengthMS += st.millis; st.millis > maxLength || z.LengthMS > maxLength {
			return fmt.Errorf("telemetry: record %d is more than a century from the first", e.Head.Index)
		}
	}
	for _, f := range e.facts() {
		if len(z.Facts) == maxListed {
			z.LeftOut++
			continue
		}
		z.Facts, z.FactsAt = append(z.Facts, f), append(z.FactsAt, z.LengthMS)
	}
	z.Records++
	z.before = &Entry{e.Head, e.Record, e.Begin}
	if cut {
		clear(z.last)
	}
	for _, d := range e.Record.Devices {
		b, err := z.bucket(d.Key)
		if err != nil {
			return err
		}
		p := sample{at: e.Record.Uptime, values: d.Values}
		was, known := z.last[d.Key]
		b.take(p, was, known)
		z.last[d.Key] = p
	}
	return nil
}

func (z *summing) gap(g Gap) {
	if len(z.Gaps) == maxListed {
		z.LeftOut++
		return
	}
	z.Gaps, z.GapsFrom = append(z.Gaps, g), append(z.GapsFrom, z.LengthMS)
}

// bucket is the one of a GPU at this time.
func (z *summing) bucket(gpu string) (*Bucket, error) {
	from := z.LengthMS / z.StepMS * z.StepMS
	i, known := z.open[gpu]
	if known && z.Buckets[i].FromMS == from {
		return &z.Buckets[i], nil
	}
	if len(z.Buckets) == maxBuckets {
		return nil, fmt.Errorf("telemetry: more than %d steps: choose longer ones", maxBuckets)
	}
	if !known {
		z.GPUs = append(z.GPUs, gpu)
	}
	z.open[gpu] = len(z.Buckets)
	z.Buckets = append(z.Buckets, Bucket{GPU: gpu, FromMS: from})
	return &z.Buckets[len(z.Buckets)-1], nil
}
