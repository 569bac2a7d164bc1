package watch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// inotifyMask ends with the first event: one is enough, and a file that is written
// to all the time must not fill the queue.
const inotifyMask = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_MOVE_SELF | unix.IN_DELETE_SELF | unix.IN_CLOSE_WRITE | unix.IN_ONESHOT

// inotify watches by watch descriptors. The kernel gives their numbers anew at
// some time, and says IN_IGNORED when one ended, in the order of events: as many of
// these as this side ended are about former holders of the number.
type inotify struct {
	fd   int
	most int
	left map[int32]int // ended by this side, IN_IGNORED not read yet
}

func newInotify() (queue, error) {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watch: inotify: %w", err)
	}
	return &inotify{fd: fd, most: inotifyLimit(), left: map[int32]int{}}, nil
}

// inotifyLimit leaves the user's other programs half of what the kernel allows.
func inotifyLimit() int {
	b, err := os.ReadFile("/proc/sys/fs/inotify/max_user_watches")
	if err != nil {
		return 1 << 12
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 1 << 12
	}
	return min(n/2, MaxWatches)
}

func (q *inotify) limit() int      { return q.most }
func (q *inotify) descriptor() int { return q.fd }
func (q *inotify) name() string    { return "inotify" }

// add follows the descriptor's link in procfs, which leads to the inode itself.
func (q *inotify) add(f *os.File) (object, error) {
	wd, err := unix.InotifyAddWatch(q.fd, "/proc/self/fd/"+strconv.Itoa(int(f.Fd())), inotifyMask)
	if err != nil {
		return "", err
	}
	return descriptor(int32(wd)), nil
}

func (q *inotify) drop(o object) bool {
	wd := int32(binary.NativeEndian.Uint32([]byte(o)))
	if _, err := unix.InotifyRmWatch(q.fd, uint32(wd)); err == nil {
		q.left[wd]++ // else it ended before, and its IN_IGNORED is of an object nobody has
	}
	return true
}

func descriptor(wd int32) object {
	return object(binary.NativeEndian.AppendUint32(nil, uint32(wd)))
}

var errEvent = errors.New("event of impossible length")

// parse reads struct inotify_event, inotify(7).
func (q *inotify) parse(b []byte, event func(object, bool)) (lost bool, err error) {
	for len(b) > 0 {
		if len(b) < unix.SizeofInotifyEvent {
			return true, errEvent
		}
		wd := int32(binary.NativeEndian.Uint32(b))
		mask := binary.NativeEndian.Uint32(b[4:])
		size := uint64(unix.SizeofInotifyEvent) + uint64(binary.NativeEndian.Uint32(b[12:]))
		if size > uint64(len(b)) {
			return true, errEvent
		}
		b = b[size:]
		switch {
		case mask&unix.IN_Q_OVERFLOW != 0:
			return true, nil
		case mask&unix.IN_IGNORED != 0 && q.left[wd] > 0:
			if q.left[wd]--; q.left[wd] == 0 {
				delete(q.left, wd)
			}
		case q.left[wd] > 0: // of a former holder of the number
		default:
			event(descriptor(wd), true) // IN_ONESHOT, IN_IGNORED, IN_UNMOUNT: the kernel watches it no more
		}
	}
	return false, nil
}
