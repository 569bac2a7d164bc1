package verify

import (
	"crypto/sha256"
	"math"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

const (
	minute = 60 * 1000
	hour   = 60 * minute
	day    = 24 * hour
	utc    = 56 * 365 * day // the time of day in the table
)

// at is a clock: milliseconds, resets, restarts.
func at(clock uint64, counters ...uint32) attest.VerdictClock {
	return attest.VerdictClock{Clock: clock, Resets: counters[0], Restarts: counters[1], Safe: true, Firmware: 1}
}

func updated(c attest.VerdictClock) attest.VerdictClock { c.Firmware++; return c }

func TestClocksAreComparedAtEveryBoundary(t *testing.T) {
	const slack = 1 << 22
	old := uint64(365 * day)
	for name, c := range map[string]struct {
		was, is attest.VerdictClock
		passed  uint64
		want    step
	}{
		"the same cycle, an hour on":               {at(old, 7, 2), at(old+hour, 7, 2), hour, stepOK},
		"the same value, shortly after":            {at(old, 7, 2), at(old, 7, 2), minute, stepOK},
		"back by a millisecond":                    {at(old, 7, 2), at(old-1, 7, 2), minute, stepRollback},
		"resets one less":                          {at(old, 7, 2), at(old+minute, 6, 2), minute, stepRollback},
		"resets one less, restarts more":           {at(old, 7, 2), at(old+minute, 6, 9), minute, stepRollback},
		"restarts one less":                        {at(old, 7, 2), at(old+minute, 7, 1), minute, stepRollback},
		"all less":                                 {at(old, 7, 2), at(old-day, 5, 0), day, stepRollback},
		"reset: restarts begin anew":               {at(old, 7, 2), at(old+minute, 8, 0), minute, stepOK},
		"power lost: back by the slack":            {at(old, 7, 2), at(old-slack, 8, 0), minute, stepOK},
		"back by more than the slack":              {at(old, 7, 2), at(old-slack-1, 8, 0), minute, stepRollback},
		"power lost many times":                    {at(old, 7, 2), at(old-slack, 90, 0), day, stepOK},
		"resumed":                                  {at(old, 7, 2), at(old, 7, 3), 8 * hour, stepOK},
		"resumed, back by the slack":               {at(old, 7, 2), at(old-slack, 7, 3), minute, stepOK},
		"resumed, back by more":                    {at(old, 7, 2), at(old-slack-1, 7, 3), minute, stepRollback},
		"off for a week":                           {at(old, 7, 2), at(old+minute, 8, 0), 7 * day, stepOK},
		"cleared, counters at zero":                {at(old, 7, 2), at(minute, 0, 0), hour, stepCleared},
		"cleared, since restarted as often":        {at(old, 7, 2), at(minute, 7, 2), hour, stepCleared},
		"cleared, since restarted more often":      {at(old, 7, 2), at(minute, 9, 0), hour, stepCleared},
		"as young as time allows":                  {at(old, 7, 2), at(hour*1325/1000, 7, 2), hour, stepCleared},
		"older than time allows":                   {at(old, 7, 2), at(hour*1325/1000+1, 7, 2), hour, stepRollback},
		"cleared, then the clock set":              {at(old, 7, 2), at(55*365*day, 1, 0), hour, stepCleared},
		"counters back, clock as time allows":      {at(old, 7, 2), at(old+hour*1325/1000, 6, 0), hour, stepRollback},
		"counters back, clock a little beyond":     {at(old, 7, 2), at(old+hour*1325/1000+1, 6, 0), hour, stepCleared},
		"clock kept at the time of day, cleared":   {at(utc-hour, 7, 2), at(utc+hour, 1, 0), hour, stepCleared},
		"a clock that was set, back by the slack":  {at(utc, 7, 2), at(utc-slack, 1, 0), hour, stepCleared},
		"a clock that was set, back by more":       {at(utc, 7, 2), at(utc-slack-1, 1, 0), hour, stepRollback},
		"a clock that was set, back in its cycle":  {at(utc, 7, 2), at(utc-slack-1, 7, 2), hour, stepRollback},
		"a clock that may have run so long":        {at(1<<40-hour, 7, 2), at(1<<40-1, 6, 0), hour, stepRollback},
		"a clock that was set: nobody ran so long": {at(1<<40-hour, 7, 2), at(1<<40, 6, 0), hour, stepCleared},
		"firmware updated, all less":               {at(old, 7, 2), updated(at(old-day, 1, 0)), hour, stepCleared},
		"firmware updated, goes on":                {at(old, 7, 2), updated(at(old+minute, 8, 0)), hour, stepOK},
		"fast by the tolerance":                    {at(old, 7, 2), at(old+hour*1325/1000, 7, 2), hour, stepOK},
		"faster":                                   {at(old, 7, 2), at(old+hour*1325/1000+1, 7, 2), hour, stepRate},
		"slow by the tolerance":                    {at(old, 7, 2), at(old+hour*1000/1325+1, 7, 2), hour, stepOK},
		"slower":                                   {at(old, 7, 2), at(old+hour*1000/1325-1, 7, 2), hour, stepRate},
		"stopped, over too short a time":           {at(old, 7, 2), at(old, 7, 2), rateFromMillis - 1, stepOK},
		"stopped, long enough to say":              {at(old, 7, 2), at(old, 7, 2), rateFromMillis, stepRate},
		"stopped over a resume":                    {at(old, 7, 2), at(old, 7, 3), day, stepOK},
		"hostile clock":                            {at(math.MaxUint64, 7, 2), at(math.MaxUint64, 7, 2), minute, stepOK},
		"hostile clock after a reset":              {at(math.MaxUint64, 7, 2), at(math.MaxUint64-slack, 8, 2), minute, stepOK},
		"to the end of the clock":                  {at(0, 7, 2), at(math.MaxUint64, 7, 2), hour, stepRate},
		"from the end of the clock":                {at(math.MaxUint64, 7, 2), at(1, math.MaxUint32, 2), hour, stepCleared},
		"hostile time":                             {at(old, 7, 2), at(old-1, 7, 2), math.MaxUint64, stepCleared},
		"hostile time and clock":                   {at(0, 7, 2), at(math.MaxUint64, 7, 2), math.MaxUint64, stepOK},
	} {
		if got, seen := compareClocks(&c.was, &c.is, c.passed, c.passed); got != c.want || seen == "" {
			t.Errorf("%s: %d, want %d (%s)", name, got, c.want, seen)
		}
	}
	// The bounds of the interval: the rate must be wrong at both.
	was, is := at(old, 7, 2), at(old+hour, 7, 2)
	for _, c := range []struct {
		least, most uint64
		want        step
	}{{hour / 2, hour * 2, stepOK}, {2 * hour, 3 * hour, stepRate}, {rateFromMillis, rateFromMillis, stepRate}, {rateFromMillis - 1, rateFromMillis, stepOK}} {
		if got, _ := compareClocks(&was, &is, c.least, c.most); got != c.want {
			t.Errorf("%d to %d: %d, want %d", c.least, c.most, got, c.want)
		}
	}
}

// timeline is one node, asked at times of its life.
type timeline struct {
	*forge
	start time.Time
}

func newTimeline(t testing.TB) *timeline {
	f := newForge(t)
	f.node = func(n *attest.Node) { n.Enrolled = ms(f.at) }
	tl := &timeline{f, f.at.Add(time.Hour)}
	enrolled := ms(f.at)
	f.node = func(n *attest.Node) { n.Enrolled = enrolled }
	return tl
}

// quotes judges a quote with this clock, ms after the timeline's start.
func (tl *timeline) quotes(after int64, c attest.VerdictClock, h *History) *Result {
	tl.t.Helper()
	tl.at = tl.start.Add(time.Duration(after) * time.Millisecond)
	tl.clock.Clock, tl.clock.ResetCount, tl.clock.RestartCount, tl.forge.firmware = c.Clock, c.Resets, c.Restarts, c.Firmware
	return tl.result(nil, h, TierCommunity)
}

type life struct {
	after int64 // ms
	clock attest.VerdictClock
}

func TestHistoryIsHeldAgainstARecord(t *testing.T) {
	old := uint64(365 * day)
	for name, c := range map[string]struct {
		before []life
		is     life
		want   []string
	}{
		"nothing kept": {nil, life{0, at(old, 7, 2)}, []string{"?clock.not_evaluable", "-clock.continuous"}},
		"continuous": {[]life{{0, at(old, 7, 2)}}, life{hour, at(old+hour, 7, 2)},
			[]string{"+clock.continuous", "-clock.not_evaluable", "-clock.rollback", "-tpm.cleared", "-clock.rate", "-clock.unsafe"}},
		"rebooted, suspended, power lost": {[]life{{0, at(old, 7, 2)}, {hour, at(old+hour, 7, 3)}, {2 * hour, at(old, 8, 0)}}, life{3 * hour, at(old+hour, 9, 0)}, []string{"+clock.continuous"}},
		"clock back":                      {[]life{{0, at(old, 7, 2)}}, life{hour, at(old-1, 7, 2)}, []string{"x clock.rollback", "-tpm.cleared", "-clock.continuous"}},
		"resets back":                     {[]life{{0, at(old, 7, 2)}}, life{hour, at(old+hour, 6, 2)}, []string{"x clock.rollback"}},
		"restarts back":                   {[]life{{0, at(old, 7, 2)}}, life{hour, at(old+hour, 7, 1)}, []string{"x clock.rollback"}},
		"a slack after reset":             {[]life{{0, at(old, 7, 2)}}, life{hour, at(old-1<<22, 8, 0)}, []string{"+clock.continuous"}},
		"beyond the slack":                {[]life{{0, at(old, 7, 2)}}, life{hour, at(old-1<<22-1, 8, 0)}, []string{"x clock.rollback"}},
		"cleared":                         {[]life{{0, at(old, 7, 2)}}, life{hour, at(minute, 0, 0)}, []string{"!tpm.cleared", "-clock.rollback"}},
		"cleared, said again until it is enrolled anew": {[]life{{0, at(old, 7, 2)}, {hour, at(minute, 0, 0)}}, life{2 * hour, at(hour, 0, 0)}, []string{"!tpm.cleared"}},
		"went back before, and on since":                {[]life{{0, at(old, 7, 2)}, {hour, at(old-day, 5, 0)}}, life{2 * hour, at(old-day+hour, 5, 0)}, []string{"x clock.rollback"}},
		"too fast":                                      {[]life{{0, at(old, 7, 2)}}, life{hour, at(old+2*hour, 7, 2)}, []string{"!clock.rate", "-clock.rollback", "-clock.continuous"}},
		"paused":                                        {[]life{{0, at(old, 7, 2)}}, life{day, at(old+hour, 7, 2)}, []string{"!clock.rate", "-clock.rollback"}},
		"paused once, long ago":                         {[]life{{0, at(old, 7, 2)}, {day, at(old+hour, 7, 2)}}, life{day + hour, at(old+2*hour, 7, 2)}, []string{"+clock.continuous", "-clock.rate"}},
		"at once":                                       {[]life{{0, at(old, 7, 2)}}, life{5, at(old-day, 3, 0)}, []string{"?clock.not_evaluable", "-clock.rollback"}},
		"validators' clocks a minute apart, the later quote first": {[]life{{0, at(old+2, 7, 2)}}, life{minute, at(old, 7, 2)}, []string{"?clock.not_evaluable", "-clock.rollback"}},
		"a minute on":            {[]life{{0, at(old, 7, 2)}}, life{minute, at(old+minute, 7, 2)}, []string{"+clock.continuous", "-clock.not_evaluable"}},
		"one near, one far":      {[]life{{0, at(old, 7, 2)}, {day - 10, at(old+day, 7, 2)}}, life{day, at(old+day-5, 7, 2)}, []string{"+clock.continuous"}},
		"a later one is higher":  {[]life{{2 * day, at(old+2*day, 7, 2)}}, life{day, at(old+day, 7, 2)}, []string{"+clock.continuous"}},
		"a later one is lower":   {[]life{{2 * day, at(old+day, 7, 2)}}, life{day, at(old+3*day, 7, 2)}, []string{"x clock.rollback"}},
		"cleared later":          {[]life{{2 * day, at(hour, 0, 0)}}, life{day, at(old, 7, 2)}, []string{"!tpm.cleared"}},
		"between two":            {[]life{{0, at(old, 7, 2)}, {2 * day, at(old+2*day, 7, 2)}}, life{day, at(old+day, 7, 2)}, []string{"+clock.continuous"}},
		"above the later of two": {[]life{{0, at(old, 7, 2)}, {2 * day, at(old+2*day, 7, 2)}}, life{day, at(old+3*day, 8, 2)}, []string{"x clock.rollback"}},
	} {
		t.Run(name, func(t *testing.T) {
			tl, h := newTimeline(t), &History{}
			for _, l := range c.before {
				h.Verdicts = append(h.Verdicts, *tl.quotes(l.after, l.clock, nil).Verdict)
			}
			wants(t, tl.quotes(c.is.after, c.is.clock, h), c.want...)
		})
	}
}

// What an honest provider does to its machine, in every order of two and three, contradicts nothing.
func TestNoHonestEventContradicts(t *testing.T) {
	type state struct {
		clock, nv        uint64 // milliseconds; nv is what the TPM keeps without power
		resets, restarts uint32
		firmware         uint64
		now              int64
	}
	run := func(s *state, ms uint64) {
		s.clock += ms
		s.now += int64(ms)
		s.nv = max(s.nv, s.clock&^(1<<22-1))
	}
	events := map[string]func(*state){
		"nothing":                      func(s *state) { run(s, hour) },
		"reboot":                       func(s *state) { run(s, hour); s.nv = s.clock; s.resets++; s.restarts = 0; run(s, minute) },
		"suspend to RAM":               func(s *state) { run(s, hour); s.now += 8 * hour; s.restarts++; run(s, minute) },
		"hibernate":                    func(s *state) { run(s, hour); s.now += 8 * hour; s.restarts++; run(s, minute) },
		"suspend to idle":              func(s *state) { run(s, hour); s.now += 8 * hour; run(s, minute) },
		"kexec":                        func(s *state) { run(s, 10*minute) },
		"power loss":                   func(s *state) { run(s, hour); s.clock = s.nv; s.resets++; s.restarts = 0; run(s, minute) },
		"power loss at once":           func(s *state) { run(s, 1); s.clock = s.nv; s.resets++; s.restarts = 0; run(s, 3*minute) },
		"off for a month":              func(s *state) { s.nv = s.clock; s.now += 30 * day; s.resets++; s.restarts = 0; run(s, minute) },
		"machine paused":               func(s *state) { s.now += day; run(s, minute) },
		"clock set to the time of day": func(s *state) { s.clock = max(s.clock, uint64(s.now)); run(s, hour) },
		"cleared": func(s *state) {
			s.clock, s.nv, s.resets, s.restarts = 0, 0, 0, 0
			run(s, hour)
			s.resets++
		},
		"cleared, clock set": func(s *state) {
			s.clock, s.nv, s.resets, s.restarts = uint64(s.now), 0, 0, 0
			run(s, hour)
		},
		"firmware update": func(s *state) { s.firmware++; s.resets++; s.restarts = 0; run(s, hour) },
		"firmware update that forgets": func(s *state) {
			s.firmware++
			s.clock, s.nv, s.resets, s.restarts = s.clock/2, 0, 1, 0
			run(s, hour)
		},
		"slow oscillator": func(s *state) { s.clock += hour * 1000 / 1150; s.now += hour },
		"fast oscillator": func(s *state) { s.clock += hour * 1150 / 1000; s.now += hour },
	}
	begin := state{clock: 365 * day, nv: 365 * day &^ (1<<22 - 1), resets: 40, restarts: 2, firmware: 1, now: utc}
	see := func(s state) attest.VerdictClock {
		return attest.VerdictClock{Clock: s.clock, Resets: s.resets, Restarts: s.restarts, Firmware: s.firmware, Safe: true}
	}
	for a, first := range events {
		for b, second := range events {
			for c, third := range events {
				states := []state{begin}
				for _, e := range []func(*state){first, second, third} {
					s := states[len(states)-1]
					e(&s)
					states = append(states, s)
				}
				for i := range states {
					for j := i + 1; j < len(states); j++ {
						was, is, passed := see(states[i]), see(states[j]), uint64(states[j].now-states[i].now)
						if got, seen := compareClocks(&was, &is, passed, passed); got == stepRollback {
							t.Fatalf("%s, %s, %s: step %d to %d: %s", a, b, c, i, j, seen)
						}
					}
				}
			}
		}
	}
}

func TestVerdictsThatDoNotBelongAreNotCompared(t *testing.T) {
	old := uint64(365 * day)
	for name, change := range map[string]func(*attest.Verdict){
		"another key":                   func(v *attest.Verdict) { v.Clock.AK[0] ^= 1 },
		"another node":                  func(v *attest.Verdict) { v.UEID[5] ^= 1 },
		"without quote":                 func(v *attest.Verdict) { v.Clock = nil },
		"from before it was enrolled":   func(v *attest.Verdict) { v.Sent -= 3 * hour; v.Received -= 3 * hour },
		"received at the end of time":   func(v *attest.Verdict) { v.Received = math.MaxUint64 },
		"sent and received at its end?": func(v *attest.Verdict) { v.Clock = nil; v.Sent, v.Received = math.MaxUint64, math.MaxUint64 },
	} {
		tl := newTimeline(t)
		v := *tl.quotes(0, at(old, 7, 2), nil).Verdict
		change(&v)
		wants(t, tl.quotes(hour, at(old-day, 3, 0), &History{Verdicts: []attest.Verdict{v}}), "?clock.not_evaluable", "-clock.rollback")
		if t.Failed() {
			t.Fatal(name)
		}
	}
	// The record itself, judged once more.
	tl := newTimeline(t)
	r := tl.quotes(0, at(old, 7, 2), nil)
	v := *r.Verdict
	if v.Clock == nil || v.Clock.Clock != old || v.Clock.Resets != 7 || v.Clock.Restarts != 2 || v.Clock.Firmware != 1 {
		t.Fatalf("%+v", v.Clock)
	}
	record := tl.make()
	v.Record, v.Clock.Clock, v.Sent, v.Received = sha256.Sum256(record), old+day, v.Sent-hour/2, v.Received-hour/2
	p, _ := DefaultPolicy()
	verifier, err := New(tl.known(), nil, p)
	if err != nil {
		t.Fatal(err)
	}
	o := tl.soon(TierCommunity)
	o.History = &History{Verdicts: []attest.Verdict{v}}
	again, err := verifier.Verify(record, o)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, again, "?clock.not_evaluable", "-clock.rollback")
	// A record from before its enrolment stands on the other side of a re-activation.
	tl = newTimeline(t)
	after := *tl.quotes(hour, at(1, 0, 0), nil).Verdict
	wants(t, tl.quotes(-2*hour, at(old, 7, 2), &History{Verdicts: []attest.Verdict{after}}), "?clock.not_evaluable", "-tpm.cleared")
}

func TestHostileVerdictsAreJudgedWithoutOverflow(t *testing.T) {
	tl := newTimeline(t)
	v := *tl.quotes(0, at(5, 7, 2), nil).Verdict
	v.Sent, v.Received, v.Clock.Clock, v.Clock.Resets, v.Clock.Restarts = math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint32, math.MaxUint32
	wants(t, tl.quotes(hour, at(5, 7, 2), &History{Verdicts: []attest.Verdict{v}}), "+clock.continuous")
	w := v
	w.Clock = &attest.VerdictClock{AK: v.Clock.AK}
	wants(t, tl.quotes(hour, at(math.MaxUint64, math.MaxUint32, math.MaxUint32), &History{Verdicts: []attest.Verdict{w}}), "!tpm.cleared")
}

func TestUnsafeClockIsSaid(t *testing.T) {
	f := newForge(t)
	wants(t, f.result(nil, nil, TierCommunity), "-clock.unsafe")
	f.clock.Safe = false
	wants(t, f.result(nil, nil, TierCommunity), "?clock.unsafe")
	wants(t, newForge(t).withoutTPM().result(nil, nil, TierCommunity), "-clock.unsafe", "-clock.not_evaluable", "-clock.continuous")
}
