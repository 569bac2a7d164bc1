package chart

import (
	"fmt"
	"html"
	"io"
	"strings"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// The picture's measures, in pixels.
const (
	width, left, right = 960, 64, 16
	top, panelHeight   = 56, 150
	between, bandRow   = 34, 10
	maxGPUs            = 64
)

// Steps is how many steps a picture resolves.
const Steps = 600

var colours = []string{"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#e377c2", "#8c8c00"}

// drawing is the work in progress of SVG.
type drawing struct {
	s    *stretch.Summary
	gpus []string
	out  strings.Builder
}

// SVG writes a summary as a picture. Title names what was read.
func SVG(w io.Writer, s *stretch.Summary, title string) error {
	d := &drawing{s: s, gpus: s.GPUs[:min(len(s.GPUs), maxGPUs)]}
	bands := top + len(panels)*(panelHeight+between)
	height := bands + len(d.gpus)*bandRow + 60
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n", width, height, width, height)
	d.printf(`<style>svg{background:#fff;color:#222}.g{stroke:currentColor;opacity:.2}.gap{fill:#888;opacity:.25}.heat{fill:#d62728}.cap{fill:#ff9f1c}path{fill:none;stroke-width:1.2}text{fill:currentColor}@media (prefers-color-scheme:dark){svg{background:#16181c;color:#ddd}}</style>` + "\n")
	d.text(left, 18, "start", title, 14)
	d.text(left, 34, "start", fmt.Sprintf("%d records from %s (the node's clock), %s", s.Records, clock(s.FirstAtMS), time.Duration(s.LengthMS)*time.Millisecond), 11)
	d.gaps(top, bands+len(d.gpus)*bandRow)
	for i, p := range panels {
		d.panel(p, top+i*(panelHeight+between))
	}
	d.bands(bands)
	d.axis(bands + len(d.gpus)*bandRow + 14)
	d.printf("</svg>\n")
	_, err := io.WriteString(w, d.out.String())
	return err
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(&d.out, format, args...) }

// text writes words that may be the node's.
func (d *drawing) text(x, y float64, anchor, s string, size int) {
	d.printf(`<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d">%s</text>`+"\n", x, y, anchor, size, html.EscapeString(attest.Clean(s)))
}

// x is where a time lies, ms since the first record.
func (d *drawing) x(ms uint64) float64 {
	return left + (width-left-right)*float64(min(ms, d.s.LengthMS))/float64(max(d.s.LengthMS, 1))
}

func (d *drawing) gaps(y0, y1 int) {
	for i, g := range d.s.Gaps {
		from, to := d.x(d.s.GapsFrom[i]), d.x(d.s.GapsFrom[i]+g.Millis)
		d.printf(`<rect class="gap" x="%.1f" y="%d" width="%.1f" height="%d"><title>%.1f s without records</title></rect>`+"\n", from, y0, max(to-from, 1), y1-y0, float64(g.Millis)/1000)
	}
}

// bands are one row for each GPU: when heat or power brake, and when the power cap, held its clocks down.
func (d *drawing) bands(y int) {
	d.text(left, float64(y)-5, "start", "Throttled by heat or power brake (red), by the power cap (orange); no records (grey)", 12)
	row := map[string]int{}
	for n, gpu := range d.gpus {
		row[gpu] = n
		d.printf(`<rect x="%d" y="%d" width="8" height="%d" fill="%s"><title>%s</title></rect>`+"\n", left-12, y+n*bandRow, bandRow-2, colours[n%len(colours)], html.EscapeString(attest.Clean(gpu)))
		name := []rune(attest.Clean(gpu))
		d.text(left-16, float64(y+n*bandRow+bandRow-2), "end", string(name[max(0, len(name)-7):]), 8)
	}
	for i := range d.s.Buckets {
		b := &d.s.Buckets[i]
		n, shown := row[b.GPU]
		class := ""
		switch {
		case b.Heat > 0:
			class = "heat"
		case b.Capped > 0:
			class = "cap"
		}
		if shown && class != "" {
			from, to := d.x(b.FromMS), d.x(b.FromMS+d.s.StepMS)
			d.printf(`<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"/>`+"\n", class, from, y+n*bandRow, max(to-from, .5), bandRow-2)
		}
	}
}

func (d *drawing) axis(y int) {
	const marks = 6
	for i := range marks + 1 {
		at := d.s.LengthMS / marks * uint64(i)
		anchor := []string{"middle", "start", "end"}[map[int]int{0: 1, marks: 2}[i]]
		d.text(d.x(at), float64(y), anchor, "+"+(time.Duration(at)*time.Millisecond).Round(time.Second).String(), 10)
	}
	d.text((width+left)/2, float64(y)+18, "middle", "time since the first record", 11)
}

func clock(ms uint64) string {
	return time.UnixMilli(int64(min(ms, 1<<53))).UTC().Format("2006-01-02 15:04:05 UTC")
}
