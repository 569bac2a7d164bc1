package runlog

import (
	"errors"
	"fmt"
	"slices"
)

// ErrOffset says that an offset is no record boundary of this boot's log: it is of another boot, or invented.
var ErrOffset = errors.New("no record begins or ends here")

// Part returns the whole records from offset on, at most limit bytes of them, and whether more follow.
// It includes a record that is being extended: read after a quote, a part is never shorter than what was quoted.
func (l *Log) Part(offset uint64, limit int) (part []byte, more bool, err error) {
	l.extent.Lock()
	ends := l.ends // only ever appended to
	l.extent.Unlock()
	first := 0
	if offset > 0 {
		i, ok := slices.BinarySearch(ends, offset)
		if !ok {
			return nil, false, fmt.Errorf("runlog: offset %d: %w", offset, ErrOffset)
		}
		first = i + 1
	}
	end, last := offset, first
	for ; last < len(ends) && ends[last]-offset <= uint64(max(0, limit)); last++ {
		end = ends[last]
	}
	part = make([]byte, end-offset)
	if _, err := l.disk.ReadAt(part, int64(offset)); err != nil {
		return nil, false, fmt.Errorf("runlog: %w", err)
	}
	return part, last < len(ends), nil
}

// size is how many bytes of whole records are on disk.
func (l *Log) size() uint64 {
	l.extent.Lock()
	defer l.extent.Unlock()
	if len(l.ends) == 0 {
		return 0
	}
	return l.ends[len(l.ends)-1]
}
