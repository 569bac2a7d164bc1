package nvml

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// BootMillis is CLOCK_BOOTTIME now, for an epoch that several processes share.
func BootMillis() uint64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0 // no Linux older than 2.6.39 runs this
	}
	return uint64(t.Nano() / 1e6)
}

// seconds writes a moment or a time.
func seconds(s float64) string {
	if s == Now {
		return "now"
	}
	return strconv.FormatFloat(s, 'f', -1, 64)
}

func (m Motion) write(line func(key, value string)) {
	flag(line, "moving", m.Moving)
	var points []string
	for _, p := range m.LoadScript {
		points = append(points, seconds(p.Second)+":"+seconds(p.Percent))
	}
	line("load-script", strings.Join(points, ","))
	flag(line, "load-step", m.LoadStep)
	positive(line, "load-repeat", m.LoadRepeat)
	positive(line, "load-pid", float64(m.LoadPID))
	line("load-gpus", strings.Trim(strings.ReplaceAll(fmt.Sprint(m.LoadGPUs), " ", ","), "[]"))
	if m.EpochMillis != 0 {
		line("epoch", fmt.Sprint(m.EpochMillis))
	}
	positive(line, "time-scale", m.TimeScale)
	line("clock-file", m.ClockFile)
	line("state-file", m.StateFile)
	number(line, "ambient", m.Ambient)
	positive(line, "cooling", float64(m.Cooling))
	for _, x := range m.Xids {
		line("xid", fmt.Sprintf("%d,%d,%s", x.GPU, x.Code, seconds(x.Second)))
	}
}

func (f Faults) write(line func(key, value string)) {
	number(line, "hang-gpu", f.HangGPU)
	positive(line, "hang-seconds", f.HangSeconds)
	f.CounterBack.write(line, "counter-back")
	f.Frozen.write(line, "frozen")
	if f.DriverReload != nil {
		line("driver-reload", seconds(*f.DriverReload))
	}
	number(line, "fake-utilisation", f.FakeUtilisation)
	line("no-permission", f.NoPermission)
	number(line, "mig", f.MIG)
}

func (f *Fault) write(line func(key, value string), key string) {
	if f != nil {
		line(key, fmt.Sprintf("%d,%s", f.GPU, seconds(f.Second)))
	}
}

func flag(line func(key, value string), key string, set bool) {
	if set {
		line(key, "1")
	}
}

func number(line func(key, value string), key string, n *int) {
	if n != nil {
		line(key, strconv.Itoa(*n))
	}
}

func positive(line func(key, value string), key string, v float64) {
	if v > 0 {
		line(key, seconds(v))
	}
}
