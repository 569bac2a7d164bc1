package recorder

import (
	"errors"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/attest/telemetry/store"
)

// disk is the chain's place on disk, as far as there is one. Its lock is held while a
// disk is waited for, so nobody but the writer, anchors and fetching takes it.
type disk struct {
	wake      chan struct{}
	ancestors [][]byte // set before the chain is handed out

	mu    sync.Mutex
	s     *store.Store
	begun bool
	doc   []byte // genesis document that could not be written yet
}

var errNoStore = errors.New("telemetry is kept in memory alone")

func (d *disk) open(s *store.Store) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.s = s
}

func (d *disk) store() *store.Store {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.s
}

func (d *disk) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.s != nil {
		d.s.Close()
		d.s = nil
	}
}

// begin writes the genesis document.
func (d *disk) begin(doc []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.s == nil {
		return errNoStore
	}
	err := d.s.Begin(doc)
	d.begun = err == nil
	return err
}

// later keeps a document for when the disk can be written.
func (d *disk) later(doc []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.doc = doc
}

// ancestry collects the documents of the chains before g in this boot.
func (d *disk) ancestry(g telemetry.Genesis, boot [16]byte) {
	d.ancestors = [][]byte{}
	if d.s == nil || g.Previous == nil {
		return
	}
	for _, doc := range d.s.Documents(g.Previous.Genesis, telemetry.MaxAncestors) {
		if older, err := telemetry.ParseGenesis(doc); err != nil || older.BootID != boot {
			return
		}
		d.ancestors = append(d.ancestors, doc)
	}
}

func (d *disk) anchor(a *telemetry.Anchor) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.s == nil || !d.begun {
		return errNoStore
	}
	return d.s.PutAnchor(a)
}

// put writes one chunk, after the genesis document where that is still owed.
func (d *disk) put(c packed) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.s == nil {
		return errNoStore
	}
	if !d.begun {
		if err := d.s.Begin(d.doc); err != nil {
			return err
		}
		d.begun = true
	}
	return d.s.Put(c.first, c.bytes)
}

// retryEvery is how long a failing disk is left alone.
const retryEvery = 10 * time.Second

// write stores closed chunks until stop, and once more then. Only this goroutine waits
// for the disk.
func (r *Recorder) write(stop <-chan struct{}) {
	r.retain() // an agent that is restarted before it stores a chunk adds a chain each time, and must remove what is old
	retry := time.NewTicker(retryEvery)
	defer retry.Stop()
	for {
		select {
		case <-r.disk.wake:
		case <-retry.C:
		case <-stop:
			r.storeAll()
			return
		}
		r.storeAll()
	}
}

// storeAll stores what is not stored, oldest first, and notes when that began or ceased to fail.
func (r *Recorder) storeAll() {
	for {
		c, ok := r.unstored()
		if !ok {
			return
		}
		err := r.disk.put(c)
		if errors.Is(err, errNoStore) {
			return
		}
		r.stored(c, err)
		if err != nil {
			return
		}
		r.retain()
	}
}

func (r *Recorder) unstored() (packed, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.recent {
		if !c.stored {
			return c, true
		}
	}
	return packed{}, false
}

// stored notes the outcome of one try.
func (r *Recorder) stored(c packed, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		if !r.failing {
			r.o.Log.Error("telemetry is not stored", "dir", r.o.Dir, "err", err)
			r.pending = append(r.pending, telemetry.Fact{Name: telemetry.FactDisk, Value: int64(r.head.Index - c.first + 1), Text: text(err.Error())})
		}
		r.failing = true
		return
	}
	for i := range r.recent {
		if r.recent[i].first == c.first {
			r.recent[i].stored = true
		}
	}
	if r.storedFrom == 0 || c.first != r.storedTo+1 {
		r.storedFrom = c.first
	}
	r.storedTo = c.last
	if r.failing {
		r.failing = false
		r.o.Log.Info("telemetry is stored again", "lost", r.lost)
		r.pending = append(r.pending, telemetry.Fact{Name: telemetry.FactDisk, Value: int64(r.lost), Text: "stored again"})
	}
}

// retain keeps the store within its bounds.
func (r *Recorder) retain() {
	s := r.disk.store()
	if s == nil {
		return
	}
	_, dropped, err := s.Retain(r.o.Clock.Wall(), r.o.Retention, r.o.MaxBytes)
	if err != nil {
		r.o.Log.Warn("old telemetry not removed", "err", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if dropped > 0 {
		r.pending = append(r.pending, telemetry.Fact{Name: telemetry.FactDropped, Value: int64(dropped)})
	}
	r.storedFrom = max(r.storedFrom, s.Kept(r.head.Genesis))
}
