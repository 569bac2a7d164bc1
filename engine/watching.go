package engine

import "os"

// Watcher notices that something happened to files. Watch is given an open file
// and watches its inode from then on; Drain returns the watches that something
// happened to, each of which has ended, or that all have ended. engine/watch has two.
type Watcher interface {
	Watch(f *os.File) (id uint64, err error)
	Forget(id uint64)
	Drain() (touched []uint64, lost bool, err error)
}

// watching is one watch of a file that is hashed or has been.
type watching struct {
	key     fileKey
	touched bool
}

// observe watches a file that is about to be read, and returns 0 where that is
// not to be had: the file's times are compared all the same. On file systems that
// others write to beside this kernel, no event is no sign.
func (d *Digests) observe(f *os.File, key fileKey) uint64 {
	if d.opt.Watch == nil || !local(int(f.Fd())) {
		return 0
	}
	d.draining.Lock() // an event that is read before the watch is known here would be lost
	defer d.draining.Unlock()
	id, err := d.opt.Watch.Watch(f)
	if err != nil {
		d.opt.Log.Debug("a file is not watched", "err", err)
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watches[id] = &watching{key: key}
	return id
}

// forget needs mu.
func (d *Digests) forget(id uint64) {
	if _, ok := d.watches[id]; ok {
		delete(d.watches, id)
		d.opt.Watch.Forget(id)
	}
}

// unobserve ends a watch of a file that could not be hashed.
func (d *Digests) unobserve(id uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget(id)
}

// drain reads what happened to watched files. Who states files calls it first:
// what happened before that is not missed, then.
func (d *Digests) drain() {
	if d.opt.Watch == nil {
		return
	}
	d.draining.Lock()
	defer d.draining.Unlock()
	at := d.opt.Now()
	touched, lost, err := d.opt.Watch.Drain()
	d.mu.Lock()
	defer d.mu.Unlock()
	if lost || err != nil {
		touched = touched[:0]
		for id := range d.watches {
			touched = append(touched, id)
		}
		if len(touched) > 0 {
			d.opt.Log.Warn("events of watched files were lost: all are hashed again", "files", len(touched), "err", err)
		}
	}
	for _, id := range touched {
		d.touch(id)
	}
	d.drained.Store(at.UnixNano())
}

// touch makes dirty what is kept of a file; needs mu. A pass under way finds the
// watch touched when it ends.
func (d *Digests) touch(id uint64) {
	w := d.watches[id]
	if w == nil {
		return
	}
	w.touched = true
	e := d.entries[w.key]
	if e == nil {
		return
	}
	if k := *e.Value.(*kept); k.watch == id {
		k.watch, k.dirty = 0, true
		e.Value = &k // what was handed out stays as it is
		d.forget(id)
	}
}
