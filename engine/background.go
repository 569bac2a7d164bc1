package engine

import (
	"context"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// enqueue hands a file to Run and returns how far it is. The descriptor is
// duplicated, so that what is hashed later is the inode that was asked about.
func (d *Digests) enqueue(f *os.File, key fileKey, plain bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if j := d.pending[key]; j != nil {
		j.plain = j.plain || plain // read under the lock when the job starts
		return &NotYetError{j.done.Load(), key.size}
	}
	if len(d.pending) >= maxPending {
		return ErrBusy
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if len(d.pending) == 0 {
		d.idle = make(chan struct{})
	}
	j := &job{key: key, file: os.NewFile(uintptr(fd), f.Name()), plain: plain}
	d.pending[key] = j
	d.queue = append(d.queue, j)
	select {
	case d.wake <- struct{}{}:
	default:
	}
	return &NotYetError{0, key.size}
}

// lookEvery is how often Run reads what happened to watched files, so that the
// kernel's queue does not fill while nobody asks.
const lookEvery = time.Second

// rereadEvery is how often Run looks for large files that are due.
const rereadEvery = time.Minute

// Run hashes queued files, one at a time, until ctx ends. A file that fails is
// dropped, and queued again when it is asked for again.
func (d *Digests) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	beside.Go(func() { d.look(ctx) })
	d.prune()
	for {
		j, plain := d.take()
		if j == nil {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-d.wake:
			}
			continue
		}
		_, err := d.hashLarge(ctx, j.file, j.key, plain, j.done.Store)
		d.finish(j)
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// look does until ctx ends what is to be done while nobody asks.
func (d *Digests) look(ctx context.Context) {
	events, again := time.NewTicker(lookEvery), time.NewTicker(rereadEvery)
	defer events.Stop()
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-events.C:
			d.drain()
		case <-again.C:
			d.reread()
		}
	}
}

func (d *Digests) take() (*job, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.queue) == 0 {
		return nil, false
	}
	j := d.queue[0]
	d.queue = d.queue[1:]
	return j, j.plain
}

func (d *Digests) finish(j *job) {
	j.file.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.pending, j.key)
	if len(d.pending) == 0 {
		close(d.idle)
	}
}

// Wait blocks until nothing waits for hashing, for commands that want the whole answer.
func (d *Digests) Wait(ctx context.Context) error {
	d.mu.Lock()
	idle := d.idle
	d.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Pending returns the bytes that wait for hashing and how many of them are done.
func (d *Digests) Pending() (done, total int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, j := range d.pending {
		done += j.done.Load()
		total += j.key.size
	}
	return done, total
}
