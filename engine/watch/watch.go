package watch

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// MaxWatches bounds the files that are watched. Each pins an inode in the
	// kernel, about a kilobyte, which counts for the agent.
	MaxWatches = 1 << 16

	bufferSize = 64 << 10
	maxReads   = 4096 // of one Drain: more is a flood, and touches everything
)

// ErrLimit says that no more files can be watched.
var ErrLimit = errors.New("watch: limit of watched files reached")

// ErrClosed says that the watcher was closed, or that the kernel refused a new queue after one was lost.
var ErrClosed = errors.New("watch: closed")

// object names an inode to a backend: a watch descriptor, or a file handle.
type object string

// queue is a kernel's queue of events. Its methods take turns.
type queue interface {
	// add begins to watch an inode. The same inode gives the same object while it is watched.
	add(f *os.File) (object, error)
	// drop ends the watch; false where it stays, since it would need the file.
	drop(o object) bool
	// parse reads what one read returned. ended: the kernel watches it no more.
	parse(b []byte, event func(o object, ended bool)) (lost bool, err error)
	limit() int
	descriptor() int
	name() string
}

// Watcher watches files. Safe for use by several goroutines.
type Watcher struct {
	open func() (queue, error)

	mu      sync.Mutex
	queue   queue // nil after Close, or where none could be opened again
	last    uint64
	objects map[object][]uint64 // watches of an inode; none: the kernel's stayed
	ids     map[uint64]object
	buf     []byte
}

// New opens the better queue that is permitted.
func New() (*Watcher, error) {
	w, err := open(newFanotify)
	if err != nil {
		w, err = open(newInotify)
	}
	return w, err
}

// NewInotify opens an inotify queue, which needs no privilege.
func NewInotify() (*Watcher, error) { return open(newInotify) }

// NewFanotify opens a fanotify queue, which needs CAP_SYS_ADMIN.
func NewFanotify() (*Watcher, error) { return open(newFanotify) }

func open(how func() (queue, error)) (*Watcher, error) {
	q, err := how()
	if err != nil {
		return nil, err
	}
	return &Watcher{open: how, queue: q, objects: map[object][]uint64{}, ids: map[uint64]object{}, buf: make([]byte, bufferSize)}, nil
}

// Name is the kernel's interface in use: fanotify or inotify.
func (w *Watcher) Name() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queue == nil {
		return "none"
	}
	return w.queue.name()
}

// Watch begins to watch the inode behind an open file. The id is never used again.
func (w *Watcher) Watch(f *os.File) (id uint64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queue == nil {
		return 0, ErrClosed
	}
	if len(w.objects) >= w.queue.limit() || len(w.ids) >= 2*MaxWatches {
		return 0, ErrLimit
	}
	o, err := w.queue.add(f)
	if err != nil {
		return 0, fmt.Errorf("watch: %s: %w", w.queue.name(), err)
	}
	w.last++
	w.objects[o] = append(w.objects[o], w.last)
	w.ids[w.last] = o
	return w.last, nil
}

// Forget ends a watch. An unknown id is one that ended already.
func (w *Watcher) Forget(id uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o, ok := w.ids[id]
	if !ok {
		return
	}
	delete(w.ids, id)
	left := slices.DeleteFunc(w.objects[o], func(v uint64) bool { return v == id })
	if len(left) == 0 && (w.queue == nil || w.queue.drop(o)) {
		delete(w.objects, o)
		return
	}
	w.objects[o] = left
}

// Drain reads all events that are there, without waiting; where there are none,
// that is one call of the kernel. touched are the watches that ended by them; lost
// says that all ended, since events were lost.
func (w *Watcher) Drain() (touched []uint64, lost bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queue == nil {
		return nil, true, ErrClosed
	}
	event := func(o object, ended bool) {
		for _, id := range w.objects[o] {
			delete(w.ids, id)
			touched = append(touched, id)
		}
		if ended {
			delete(w.objects, o)
		} else if _, ok := w.objects[o]; ok {
			w.objects[o] = nil
		}
	}
	for range maxReads {
		n, err := unix.Read(w.queue.descriptor(), w.buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return touched, false, nil
		case err != nil || n <= 0:
			return nil, true, errors.Join(err, w.renew())
		}
		if lost, err := w.queue.parse(w.buf[:n], event); lost || err != nil {
			return nil, true, errors.Join(err, w.renew())
		}
	}
	return nil, true, w.renew()
}

// renew begins with an empty queue: of a lost one nobody knows which watches still stand.
func (w *Watcher) renew() error {
	unix.Close(w.queue.descriptor())
	clear(w.objects)
	clear(w.ids)
	q, err := w.open()
	if err != nil {
		w.queue = nil
		return err
	}
	w.queue = q
	return nil
}

// Close ends all watches.
func (w *Watcher) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queue == nil {
		return nil
	}
	err := unix.Close(w.queue.descriptor())
	w.queue = nil
	clear(w.objects)
	clear(w.ids)
	return err
}
