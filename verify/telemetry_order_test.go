package verify

import (
	"testing"
	"time"
)

// Times since boot of two boots are compared with nothing, and a chain behind another one is no second one beside it.
func TestChainsOfOtherTimesAreNotHeldAgainstEachOther(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	first := g.sweeps(70).answers(nil)
	was := g.judged(first, nil)
	g.stop()
	g.at = g.at.Add(30 * time.Second)
	g.restart()
	next := g.judged(g.sweeps(90).answers(nil), nil)
	wants(t, g.judged(first, kept(next)), "-telemetry.parallel", "-telemetry.unlinked", "-telemetry.back", "-telemetry.continues")

	g.bootID, g.boot = 2, g.at
	g.at = g.at.Add(time.Minute)
	g.restart()
	fresh(g) // and what was stored is lost
	g.at = g.at.Add(3 * time.Hour)
	wants(t, g.judged(g.sweeps(3).answers(nil), kept(was)), "-telemetry.parallel", "-telemetry.unlinked", "-telemetry.lost")
}
