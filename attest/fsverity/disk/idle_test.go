package disk

import (
	"testing"

	"golang.org/x/sys/unix"
)

func class(t *testing.T) uintptr {
	t.Helper()
	v, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, ioprioWhoProcess, 0, 0)
	if errno != 0 {
		t.Skipf("ioprio_get: %v: I/O classes are not exercised", errno)
	}
	return v >> 13
}

func TestIdleIsForOneGoroutineAlone(t *testing.T) {
	got := make(chan uintptr)
	go func() {
		Idle()
		got <- class(t)
	}()
	if c := <-got; c != 3 {
		t.Errorf("class %d, want 3, idle", c)
	}
	for range 20 { // other goroutines run on whatever threads there are
		go func() { got <- class(t) }()
		if c := <-got; c == 3 {
			t.Fatal("another goroutine is idle, too")
		}
	}
}
