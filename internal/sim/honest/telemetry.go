package honest

import (
	"math"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/verify/rules"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// watched is what telemetry there is, and what the GPUs did meanwhile.
type watched struct {
	window   int     // seconds; 0: none was asked for
	chained  bool    // a chain is stated
	interval uint64  // ms between sweeps
	during   bool    // the last questions lie in it
	paired   bool    // with another answer before it
	busy     float64 // part of the time that they compute
	spell    float64 // s, of computing or resting
	depthOf  float64 // part of the power between rest and limit that computing takes
	rest     float64 // part of the board's power
	capped   float64 // limit, part of the board's power
	heat     float64 // part of the time that heat holds clocks down
	heats    float64 // degrees over the room at full power
	sensor   float64 // energy counter over sampled power
	absent   map[telemetry.Field]bool
	gap      int    // s without a record; 0: none
	gapAt    int    // s
	fact     string // of the record behind it
	renewed  bool   // a new chain after the gap
	reset    int    // s at which a GPU was reset; 0: none
	sets     string // fact of the reset
}

func (w *world) watch() {
	w.absent = map[telemetry.Field]bool{}
	if w.chained = w.chance(.85); w.chained && w.chance(.75) {
		w.window, w.interval = int(w.between(60, 120)), 1000
		if w.chance(.4) {
			w.window, w.interval = int(w.between(300, 900)), 5000
		}
	}
	w.during, w.paired = w.chance(.5), w.chance(.5)
	w.busy, w.spell, w.depthOf = w.between(.1, 1), 60*w.about(1), w.between(.25, .95)
	if w.model.used < 4 {
		w.depthOf = w.between(.15, .5) // small models leave boards half asleep
	}
	w.rest, w.capped, w.heats, w.sensor = w.between(.08, .25), 1, w.between(25, 55), w.about(.02)
}

// allowedMS is the pause that package verify states beside the coverage.
const allowedMS = 10_000

func (w *world) telemetryInput(in *rules.Input) {
	in.Chained = w.chained
	if w.window == 0 {
		in.TelemetryWhy = "no window was asked for or shown"
		if !w.chained {
			in.TelemetryWhy = "no claims of kind telemetry"
		}
		return
	}
	s := w.records()
	t := &rules.Telemetry{From: claim(w, "telemetry"), SpanSeconds: float64(s.Covered()) / 1000, Why: "no second answer in this boot brackets the first challenge"}
	t.Checks, t.Activity = s.Measure()
	first, last := s.Entries[0].Record.Uptime, s.Entries[len(s.Entries)-1].Record.Uptime
	switch {
	case s.Covered() != last-first:
	case w.during:
		t.FromMS, t.ToMS = w.asked-1000, w.asked-1000+last-first
	default:
		t.ToMS = in.Sent
		t.FromMS = t.ToMS - (last - first)
	}
	if w.paired { // the first challenge lies in the middle
		at := first + (last-first)/2
		c := s.Cover(boot, at-6000, at+6000)
		t.Coverage, t.Why = &rules.Coverage{Percent: c.Percent(), LargestMS: c.LargestMS, AllowedMS: allowedMS, Of: "the challenge before"}, ""
	}
	in.Telemetry = t
}

var boot = [16]byte{1}

// records are the sweeps of the window, second by second.
func (w *world) records() *stretch.Stretch {
	begin := &telemetry.Genesis{BootID: boot, Interval: w.interval}
	s := &stretch.Stretch{Begin: begin}
	cards := make([]*card, w.count)
	for i := range cards {
		cards[i] = w.newCard(i)
	}
	chain, fact := attest.Digest{1}, ""
	for second := range w.window {
		for _, c := range cards {
			c.second(w, second)
		}
		if w.reset > 0 && second == w.reset {
			cards[0].energy, fact = 0, w.sets
		}
		if w.gap > 0 && second >= w.gapAt && second < w.gapAt+w.gap {
			if fact = w.fact; w.renewed {
				chain = attest.Digest{2}
			}
			continue
		}
		if uint64(second)*1000%w.interval != 0 {
			continue
		}
		r := &telemetry.Record{At: w.nodeTime(w.asked) + uint64(second)*1000, Uptime: 5*day + uint64(second)*1000 + uint64(w.IntN(20))}
		if fact != "" {
			r.Facts, fact = []telemetry.Fact{{Name: fact, Value: 1}}, ""
		}
		for _, c := range cards {
			r.Devices = append(r.Devices, telemetry.Device{Key: c.key, Values: c.values(w)})
		}
		s.Entries = append(s.Entries, stretch.Entry{Head: telemetry.Head{Genesis: chain, Index: uint64(len(s.Entries))}, Record: r, Begin: begin})
	}
	return s
}

type card struct {
	key                       string
	works                     bool // its share of the computing
	on                        bool
	until                     int // second of the spell's end
	watts, energy, limit      float64
	celsius, throttled, links float64
	busy                      float64
}

func (w *world) newCard(i int) *card {
	return &card{key: w.key(i), works: i < w.together || w.alone, energy: w.between(1e8, 1e12), limit: *w.board.BoardWatts * w.capped, celsius: w.between(30, 50), throttled: 1e12 * w.Float64()}
}

func (c *card) second(w *world, second int) {
	// The validator's own questions are work: they lie a second behind the first record.
	asked := w.during && second > 0 && uint64(second)*1000 <= w.answered-w.asked
	if second >= c.until || asked && second == 1 {
		c.on = c.works && w.chance(w.busy)
		c.until = second + 1 + int(w.spell*w.ExpFloat64())
		if asked {
			c.on, c.until = c.works && (second == 1 || w.chance(max(w.busy, .6))), second+1+int(min(w.spell, 20)*w.ExpFloat64())
		}
	}
	rest := *w.board.BoardWatts * w.rest
	target, busy := rest, 0.0
	if c.on {
		target, busy = rest+(c.limit-rest)*w.depthOf*w.about(.06), 100*w.between(.85, 1)
	}
	hot := c.on && w.chance(w.heat)
	if hot {
		target *= .8
		c.throttled += 1e9
	}
	c.watts = min(max(target, rest*w.between(.97, 1.03)), c.limit*w.between(.98, 1.02))
	c.busy = busy
	c.energy += c.watts * 1000 * w.sensor
	c.celsius += (35 + w.heats*c.watts/(*w.board.BoardWatts) - c.celsius) / 40
	if c.on {
		c.links += w.between(1e4, 1e6)
	}
}

func (c *card) values(w *world) (v telemetry.Values) {
	for _, f := range [...]struct {
		field telemetry.Field
		value float64
	}{{telemetry.GPUTemperature, c.celsius}, {telemetry.SMClock, 1400}, {telemetry.Thermal, c.throttled}, {telemetry.AveragePower, c.watts * 1000 * w.between(.99, 1.01)},
		{telemetry.EnforcedLimit, c.limit * 1000}, {telemetry.Energy, c.energy}, {telemetry.GPUUtilisation, c.busy}, {telemetry.NVLinkSent, c.links}} {
		if !w.absent[f.field] {
			v.Set(f.field, int64(math.Round(f.value)))
		}
	}
	return v
}
