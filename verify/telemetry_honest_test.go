package verify

import (
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

func fact(name string, v int64, text string) func(*telemetry.Record) {
	return func(r *telemetry.Record) { r.Facts = []telemetry.Fact{{Name: name, Value: v, Text: text}} }
}

// once changes the next record only.
func (g *gpuLog) once(change func(*telemetry.Record)) *gpuLog {
	g.edit = change
	g.sweeps(1)
	g.edit = nil
	return g
}

// What an honest provider's machine goes through contradicts nothing, whatever it costs in coverage.
func TestNoHonestLifeIsContradicted(t *testing.T) {
	for name, c := range map[string]struct {
		life func(*gpuLog)
		want string // of the demand
		says []string
	}{
		"nothing":      {func(g *gpuLog) { g.sweeps(200) }, "met", []string{"+telemetry.continues", "-telemetry.gap"}},
		"a sweep late": {func(g *gpuLog) { g.at = g.at.Add(time.Second); g.sweeps(200) }, "met", []string{"-telemetry.gap"}},
		"sweeps missed": {func(g *gpuLog) {
			g.sweeps(9)
			g.at = g.at.Add(4 * time.Second)
			g.once(fact("missed", 4, "busy")).sweeps(200)
		}, "met", []string{"!telemetry.gap"}},
		"crash": {func(g *gpuLog) { g.sweeps(80); g.at = g.at.Add(5 * time.Second); g.restart(); g.sweeps(200) }, "telemetry.bracket",
			[]string{"+telemetry.continues", "!telemetry.gap", "-telemetry.lost", "-telemetry.unlinked", "-telemetry.parallel", "-telemetry.fork"}},
		"crash at once": {func(g *gpuLog) { g.sweeps(9); g.at = g.at.Add(5 * time.Second); g.restart(); g.sweeps(400) }, "telemetry.bracket", []string{"+telemetry.continues", "-telemetry.lost", "-telemetry.fork"}},
		"stopped and started": {func(g *gpuLog) {
			g.sweeps(15)
			g.stop()
			g.at = g.at.Add(2 * time.Second)
			g.restart()
			g.sweeps(200)
		}, "met", []string{"+telemetry.continues", "-telemetry.lost", "!telemetry.gap"}},
		"started again and again": {func(g *gpuLog) {
			g.sweeps(1)
			g.stop()
			for range 5 {
				g.at = g.at.Add(time.Second)
				g.restart()
			}
			g.sweeps(300)
		}, "met", []string{"+telemetry.continues", "-telemetry.unlinked"}},
		"started more often than claims can name": {func(g *gpuLog) {
			g.stop()
			for range 12 {
				g.at = g.at.Add(time.Second)
				g.restart()
			}
			g.sweeps(300)
		}, "telemetry.chain", []string{"?telemetry.unlinked"}},
		"state lost":          {func(g *gpuLog) { g.chains = nil; g.restart(); fresh(g); g.sweeps(200) }, "telemetry.bracket", []string{"!telemetry.unlinked", "-telemetry.parallel"}},
		"stored records lost": {func(g *gpuLog) { g.now().stored = 30; g.restart(); g.sweeps(200) }, "telemetry.bracket", []string{"!telemetry.lost", "-telemetry.fork"}},
		"rebooted": {func(g *gpuLog) {
			g.stop()
			g.bootID, g.boot = 2, g.at.Add(30*time.Second)
			g.at = g.at.Add(time.Minute)
			g.restart()
			g.sweeps(200)
		}, "telemetry.bracket", []string{"+telemetry.continues", "!telemetry.gap", "-telemetry.unlinked"}},
		"suspended": {func(g *gpuLog) {
			g.sweeps(9)
			g.at = g.at.Add(time.Hour)
			g.once(fact("suspended", 3600_000, "")).sweeps(200)
		}, "telemetry.bracket", []string{"!telemetry.gap"}},
		"clock set ahead":  {func(g *gpuLog) { g.sweeps(9); g.ahead = time.Minute; g.once(fact("clock", 60_000, "")).sweeps(200) }, "met", []string{"-telemetry.gap"}},
		"clock set back":   {func(g *gpuLog) { g.sweeps(9); g.ahead = -time.Minute; g.once(fact("clock", -60_000, "")).sweeps(200) }, "met", []string{"-telemetry.gap", "-telemetry.order"}},
		"disk full":        {func(g *gpuLog) { g.sweeps(9); g.once(fact("disk", 60, "no space left")).sweeps(200) }, "met", []string{"+telemetry.bracketed"}},
		"machine paused":   {func(g *gpuLog) { g.sweeps(90); g.at, g.boot = g.at.Add(time.Hour), g.boot.Add(time.Hour); g.sweeps(90) }, "telemetry.bracket", []string{"-telemetry.gap"}},
		"many small holes": {func(g *gpuLog) { holes(g, 40, 2*time.Second) }, "telemetry.bracket", []string{"!telemetry.gap"}},
		"few small holes":  {func(g *gpuLog) { holes(g, 4, 2*time.Second) }, "met", []string{"!telemetry.gap"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGPULog(t, time.Second, 1)
			first := g.sweeps(70).answers(nil)
			was := g.judged(first, nil)
			asked := g.since(first)
			c.life(g)
			r := g.judged(g.answers(asked), kept(was), first)
			wants(t, r, c.says...)
			if bad := ids(r, Contraindicated); met(r) != c.want || len(bad) > 0 {
				t.Errorf("%s (%s %s), contradicted by %v", met(r), seenOf(r, "telemetry.bracket"), seenOf(r, "telemetry.chain"), bad)
			}
		})
	}
}

func holes(g *gpuLog, n int, each time.Duration) {
	for range n {
		g.at = g.at.Add(each)
		g.sweeps(400 / n)
	}
}

// fresh gives a chain without history a name of its own.
func fresh(g *gpuLog) {
	gen := g.now().genesis
	gen.Random = digest(0x66)
	g.chains = nil
	g.begin(gen)
}

func TestClaimsAreComparedWithTheNode(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	g.sweeps(5)
	g.chains[0].genesis.UEID = attest.UEID{1, 9}
	gen := g.chains[0].genesis
	g.chains = nil
	g.begin(gen)
	wants(t, g.judged(g.sweeps(5).answers(nil), nil), "!telemetry.foreign", "+kind.stated")
	g = newGPULog(t, time.Second, 1)
	gen = g.chains[0].genesis
	gen.UEID = attest.UEID{}
	g.chains = nil
	g.begin(gen)
	wants(t, g.judged(g.sweeps(5).answers(nil), nil), "-telemetry.foreign", "-telemetry.stale", "-kind.stale")

	for late, want := range map[uint64]string{9_000: "-telemetry.stale", 11_000: "!telemetry.stale"} {
		g.claim = func(c *telemetry.Claims) { c.Now = c.Uptime + late }
		wants(t, g.judged(g.answers(nil), nil), want)
	}
	g.claim = nil
	g.at = g.at.Add(20 * time.Minute)
	wants(t, g.judged(g.answers(nil), nil), "!kind.stale", "!telemetry.stale")
}

// The agent's runtime log names its boot; so does the chain.
func TestBootOfTheChainIsTheRuntimeLogs(t *testing.T) {
	for boot, want := range map[byte]string{1: "-telemetry.boot", 2: "!telemetry.boot"} {
		g := newGPULog(t, time.Second, 1)
		g.runs(13)
		gen := g.now().genesis
		gen.BootID[0] = boot
		g.chains = nil
		g.begin(gen)
		wants(t, g.judged(g.sweeps(3).answers(nil), nil), "+runtime.replays", want)
	}
}

// A chain without a record yet is a chain.
func TestChainWithoutRecordIsShown(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	r := g.judged(g.answers(seconds(60)), nil)
	wants(t, r, "!telemetry.window_missing", "-telemetry.chain")
	if r.Verdict.Telemetry.Index != 0 {
		t.Error(r.Verdict.Telemetry)
	}
	first := g.sweeps(130).answers(nil)
	asked := g.since(first)
	g.sweeps(2)
	g.stop()
	g.restart()
	r = g.judged(g.answers(asked), nil, first)
	if wants(t, r, "+telemetry.shown"); met(r) != "telemetry.bracket" && met(r) != "met" {
		t.Errorf("%s %s", met(r), seenOf(r, "telemetry.bracket"))
	}
}

func TestTimeThatDoesNotRiseBracketsNothing(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	first := g.sweeps(100).answers(nil)
	g.sweeps(50)
	g.once(func(r *telemetry.Record) { r.Uptime -= 1000 }).sweeps(50)
	r := g.judged(g.answers(g.since(first)), nil, first)
	if wants(t, r, "!telemetry.order"); met(r) != "telemetry.order" || len(ids(r, Contraindicated)) > 0 {
		t.Error(met(r))
	}
}

// A bracket may begin at any of several earlier answers: the earliest that holds counts.
func TestEarliestAnswerThatHoldsBrackets(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	zero := g.sweeps(60).answers(nil)
	g.at = g.at.Add(30 * time.Second)
	one := g.sweeps(60).answers(nil)
	two := g.sweeps(60).answers(nil)
	last := g.sweeps(60).answers(g.since(zero))
	for _, order := range [][][]byte{{zero, one, two}, {two, one, zero}} {
		r := g.judged(last, nil, order...)
		if met(r) != "met" || seenOf(r, "telemetry.bracketed") != "120 records over 120 s, gaps of 0.0 s, the largest of 0.0 s" {
			t.Errorf("%s: %s", met(r), seenOf(r, "telemetry.bracketed"))
		}
	}
}
