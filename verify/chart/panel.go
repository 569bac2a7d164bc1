package chart

import (
	"fmt"
	"html"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// panel is one set of lines.
type panel struct {
	title string
	unit  string
	scale float64 // from the field's unit to that of the axis
	get   func(*stretch.Bucket) *stretch.Range
}

var panels = []panel{
	{"Temperature", "°C", 1, func(b *stretch.Bucket) *stretch.Range { return &b.Temperature }},
	{"Power", "W", 0.001, func(b *stretch.Bucket) *stretch.Range { return &b.Power }},
	{"SM clock", "MHz", 1, func(b *stretch.Bucket) *stretch.Range { return &b.Clock }},
}

func (d *drawing) panel(p panel, y int) {
	least, most := 0.0, 0.0
	for i := range d.s.Buckets {
		if r := p.get(&d.s.Buckets[i]); r.N > 0 {
			most, least = max(most, float64(r.Most)*p.scale), min(least, float64(r.Least)*p.scale)
		}
	}
	unit := nice((most - least) / 4)
	below := int((-least + unit*0.999) / unit)
	floor := unit * float64(-below) // from an integer: there is no "-0" on an axis
	ceiling := floor + 4*unit
	for ceiling < most {
		ceiling += unit
	}
	place := func(v float64) float64 {
		return float64(y) + panelHeight*(1-(v-floor)/(ceiling-floor))
	}
	d.text(left, float64(y)-5, "start", p.title+", "+p.unit, 12)
	for v := floor; v <= ceiling+unit/2; v += unit {
		d.printf(`<line class="g" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>`+"\n", left, place(v), width-right, place(v))
		d.text(left-6, place(v)+4, "end", fmt.Sprintf("%.4g", v), 10)
	}
	for n, gpu := range d.gpus {
		d.line(p, gpu, colours[n%len(colours)], place)
	}
}

// line is one GPU; it is broken where a step is missing, and one step alone is a dot.
func (d *drawing) line(p panel, gpu, colour string, place func(float64) float64) {
	var path strings.Builder
	next := uint64(0)
	for i := range d.s.Buckets {
		b := &d.s.Buckets[i]
		r := p.get(b)
		if b.GPU != gpu || r.N == 0 {
			continue
		}
		command := "L"
		if path.Len() == 0 || b.FromMS > next+d.s.StepMS { // one empty step is not a gap where sweeps and steps do not fall together
			command = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", command, d.x(b.FromMS), place(float64(r.Mean)*p.scale))
		if command == "M" {
			path.WriteString("h.1")
		}
		next = b.FromMS + d.s.StepMS
	}
	d.printf(`<path d="%s" stroke="%s"><title>%s</title></path>`+"\n", path.String(), colour, html.EscapeString(attest.Clean(gpu)))
}

// nice is the round number at or above v that begins with 1, 2 or 5.
func nice(v float64) float64 {
	unit := 1.0
	for v > unit*10 {
		unit *= 10
	}
	for _, f := range []float64{1, 2, 5, 10} {
		if v <= f*unit {
			return f * unit
		}
	}
	return unit * 10
}
