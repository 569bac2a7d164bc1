package recorder

import (
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// driver notices that a driver was loaded anew: nothing could be read of any GPU for
// that reason, and afterwards a GPU's energy counter is lower. A counter that falls without
// that is no fact of ours: it stands in the records for whoever judges them.
type driver struct {
	unloaded bool
	energy   map[string]int64
}

// facts takes one reading.
func (d *driver) facts(in reading) (facts []telemetry.Fact) {
	for _, a := range in.absent {
		d.unloaded = d.unloaded || a.What == string(attest.KindGPU) && a.Reason == attest.NotLoaded
	}
	if len(in.devices) == 0 {
		return nil
	}
	if d.energy == nil {
		d.energy = map[string]int64{}
	}
	for _, g := range in.devices {
		e, ok := g.Values.Get(telemetry.Energy)
		if !ok {
			continue
		}
		if was, known := d.energy[g.Key]; known && d.unloaded && e < was {
			facts = append(facts, telemetry.Fact{Name: telemetry.FactDriver, Text: g.Key})
		}
		d.energy[g.Key] = e
	}
	d.unloaded = false
	return facts
}
