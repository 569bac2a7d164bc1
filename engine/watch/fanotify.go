package watch

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const fanotifyMask = unix.FAN_MODIFY | unix.FAN_ATTRIB | unix.FAN_MOVE_SELF | unix.FAN_DELETE_SELF | unix.FAN_CLOSE_WRITE

// fanotify watches by marks on inodes, which events name by file handles. A mark
// cannot be taken away without the file at hand, so it stays, and counts, until the
// inode is gone. The queue is not limited and the kernel merges equal events.
type fanotify struct {
	fd    int
	known map[object]bool
}

func newFanotify() (queue, error) {
	const flags = unix.FAN_CLASS_NOTIF | unix.FAN_REPORT_FID | unix.FAN_UNLIMITED_MARKS | unix.FAN_UNLIMITED_QUEUE | unix.FAN_NONBLOCK | unix.FAN_CLOEXEC
	fd, err := unix.FanotifyInit(flags, unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watch: fanotify: %w", err)
	}
	return &fanotify{fd, map[object]bool{}}, nil
}

func (q *fanotify) limit() int       { return MaxWatches }
func (q *fanotify) descriptor() int  { return q.fd }
func (q *fanotify) name() string     { return "fanotify" }
func (q *fanotify) drop(object) bool { return false }

func (q *fanotify) add(f *os.File) (object, error) {
	fd := int(f.Fd())
	h, _, err := unix.NameToHandleAt(fd, "", unix.AT_EMPTY_PATH)
	if err != nil {
		return "", err
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return "", err
	}
	if err := unix.FanotifyMark(q.fd, unix.FAN_MARK_ADD, fanotifyMask, fd, ""); err != nil {
		return "", err
	}
	b := binary.NativeEndian.AppendUint32(nil, uint32(st.Fsid.Val[0]))
	b = binary.NativeEndian.AppendUint32(b, uint32(st.Fsid.Val[1]))
	b = binary.NativeEndian.AppendUint32(b, uint32(h.Type()))
	o := object(append(b, h.Bytes()...))
	q.known[o] = true
	return o, nil
}

// parse reads struct fanotify_event_metadata and the information of type FID
// behind it, fanotify(7). An inode that nobody marked here is one whose handle is
// written in two ways: then no event can be trusted to be recognised.
func (q *fanotify) parse(b []byte, event func(object, bool)) (lost bool, err error) {
	const header = 24 // struct fanotify_event_metadata
	for len(b) > 0 {
		if len(b) < header {
			return true, errEvent
		}
		size := binary.NativeEndian.Uint32(b)
		begin := binary.NativeEndian.Uint16(b[6:])
		mask := binary.NativeEndian.Uint64(b[8:])
		if uint64(size) > uint64(len(b)) || begin < header || uint32(begin) > size || b[4] != unix.FANOTIFY_METADATA_VERSION {
			return true, errEvent
		}
		if mask&unix.FAN_Q_OVERFLOW != 0 {
			return true, nil
		}
		o, ok := handleIn(b[begin:size])
		if !ok || !q.known[o] {
			return true, fmt.Errorf("event of an inode that is not watched: %x", o)
		}
		gone := mask&unix.FAN_DELETE_SELF != 0
		if gone {
			delete(q.known, o)
		}
		event(o, gone)
		b = b[size:]
	}
	return false, nil
}

// handleIn finds the file handle among the information behind an event: struct
// fanotify_event_info_fid, which is a header of 4 bytes, fsid of 8, length and type of the handle, its bytes.
func handleIn(b []byte) (object, bool) {
	for len(b) >= 4 {
		size := int(binary.NativeEndian.Uint16(b[2:]))
		if size < 4 || size > len(b) {
			return "", false
		}
		if info := b[4:size]; b[0] == unix.FAN_EVENT_INFO_TYPE_FID {
			if len(info) < 16 {
				return "", false
			}
			n := binary.NativeEndian.Uint32(info[8:])
			if uint64(n) > uint64(len(info)-16) {
				return "", false
			}
			return object(string(info[:8]) + string(info[12:16+n])), true
		}
		b = b[size:]
	}
	return "", false
}
