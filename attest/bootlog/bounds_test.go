package bootlog_test

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/bootlog"
)

// The largest logs that an attacker can send are judged in a time that one
// verification can afford. The bound is generous: a busy machine takes a second.
func TestLargestLogsAreJudgedInTime(t *testing.T) {
	fill := func(each func(i int, vm *editable) record) []byte {
		e := edit(sampleOf(t, "vm-secureboot"))
		for i, size := 0, len(e.raw()); ; i++ {
			r := each(i, e)
			if size += len(r.data) + 104; len(e.records) == bootlog.MaxEvents || size > attest.MaxLogSize {
				return e.raw()
			}
			e.records = append(e.records, r)
		}
	}
	authority := *edit(sampleOf(t, "vm-secureboot")).find(t, 7, "MokListRT")
	for name, raw := range map[string][]byte{
		"certificates": fill(func(int, *editable) record { return authority }),
		"commands": fill(func(i int, _ *editable) record {
			text := fmt.Appendf(nil, "linux /%d %s", i, bytes.Repeat([]byte(`"x\`), 450))
			if i%2 == 0 {
				text = text[6:]
			}
			return event(8, 13, append([]byte("grub_cmd: "), text...), text)
		}),
		"registers": fill(func(i int, _ *editable) record { return event(uint32(i%24), 13, make([]byte, 1300), nil) }),
	} {
		pcrs := replay(raw, sha256Bank, 0)
		start := used(t)
		r := bootlog.Judge(raw, sha256Bank, pcrs)
		took := used(t) - start
		t.Logf("%s: %d bytes, %d events: %v", name, len(raw), r.Events, took)
		if r.Err != nil || !r.Replays || took > 10*time.Second {
			t.Errorf("%s: %v, replays %v, %v", name, r.Err, r.Replays, took)
		}
	}
}

// used is the processor time of this process: other jobs on the machine do not count.
func used(t *testing.T) time.Duration {
	t.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
