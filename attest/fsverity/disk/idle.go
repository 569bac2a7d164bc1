package disk

import (
	"runtime"

	"golang.org/x/sys/unix"
)

const (
	ioprioWhoProcess = 1       // linux/ioprio.h: one thread
	ioprioIdle       = 3 << 13 // IOPRIO_CLASS_IDLE: served when nobody else reads
)

// Idle binds the calling goroutine to a thread of its own that the disk serves
// after all others (ioprio_set(2)), as far as its scheduler knows classes. The
// thread ends with the goroutine, so no other goroutine inherits the class. It is
// what fsverity.Options.Worker is for; a kernel that refuses is no error.
func Idle() {
	runtime.LockOSThread()
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoProcess, 0, ioprioIdle)
}
