package recorder

import (
	"time"

	"golang.org/x/sys/unix"
)

// Clock is the three clocks of a host: the wall clock, which can be set; the time since
// boot, which goes on in suspend; and the time the host ran, which does not.
type Clock struct {
	Wall    func() time.Time
	Boot    func() time.Duration // CLOCK_BOOTTIME
	Running func() time.Duration // CLOCK_MONOTONIC
}

// HostClock reads the kernel's clocks.
func HostClock() Clock {
	return Clock{Wall: time.Now, Boot: kernel(unix.CLOCK_BOOTTIME), Running: kernel(unix.CLOCK_MONOTONIC)}
}

func kernel(id int32) func() time.Duration {
	return func() time.Duration {
		var t unix.Timespec
		if err := unix.ClockGettime(id, &t); err != nil {
			return 0 // these clocks exist since Linux 2.6.39
		}
		return time.Duration(t.Nano())
	}
}

// moment is one reading of the clocks.
type moment struct {
	wall          time.Time
	boot, running time.Duration
}

func (c Clock) now() moment { return moment{c.Wall().Round(0), c.Boot(), c.Running()} }

// jump is how far the wall clock went apart from the time since boot, slept how long
// the host was suspended, since an earlier moment.
func (m moment) jump(before moment) time.Duration {
	return m.wall.Sub(before.wall) - (m.boot - before.boot)
}

func (m moment) slept(before moment) time.Duration {
	return (m.boot - before.boot) - (m.running - before.running)
}
