package stretch

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// What a node sends may cost whoever reads it no more than this, whatever it was
// compressed from: three megabytes can stand for millions of records. Weight is the
// work and memory of a record in units of about sixteen bytes.
const (
	maxWeight = 12 << 20       // of what Open keeps. Fifteen minutes of eight GPUs at ten sweeps a second weigh 7 million
	maxPassed = 16 * maxWeight // of what Each passes on and forgets: three days of eight GPUs at a sweep a second

	weightUnit   = 16
	weightRecord = 64 // an entry, its record, and its place in tables of heads
	weightDevice = 8
	weightEntry  = 4 // of a list in a record
)

// budget is what is left for one source.
type budget struct {
	weight, limit int
	gpus          map[string]bool // every key so far
}

func (b *budget) spend(weight int) error {
	if b.weight += weight; b.weight > b.limit {
		return fmt.Errorf("telemetry: the records weigh more than %d: ask for less time at once", b.limit)
	}
	return nil
}

// columns counts what a chunk unpacks to before any of it is.
func (b *budget) columns(c *telemetry.Chunk) error { return b.spend(int(c.Columns) / weightUnit) }

// record counts one record. A host has so many GPUs at most, also over time: what is
// computed for each of them is over all records.
func (b *budget) record(r *telemetry.Record) error {
	w := weightRecord + weightEntry*len(r.Marks)
	for i := range r.Devices {
		d := &r.Devices[i]
		w += weightDevice + len(d.Values)/2 + weightEntry*len(d.Processes)
		if !b.gpus[d.Key] {
			if b.gpus[d.Key] = true; len(b.gpus) > telemetry.MaxDevices {
				return fmt.Errorf("telemetry: more than %d GPUs in one source", telemetry.MaxDevices)
			}
		}
	}
	for _, a := range r.Absent {
		w += weightEntry + (len(a.What)+len(a.Detail))/weightUnit
	}
	for _, f := range r.Facts {
		w += weightEntry + (len(f.Name)+len(f.Text))/weightUnit
	}
	return b.spend(w)
}
