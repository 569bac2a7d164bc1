package recorder

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/gpu"
)

// Sweeper reads all GPUs once; the probe is one. It returns by the deadline of its
// context; its errors are *attest.AbsentError.
type Sweeper interface {
	Sweep(context.Context, gpu.SweepParams) (*gpu.Sweep, error)
}

// Options are what a recorder needs. Sweeper, Interval, BootID, Version, Clock and Log are required.
type Options struct {
	Sweeper   Sweeper
	Interval  time.Duration
	Dir       string        // of the store; "" keeps the chain in memory alone
	Retention time.Duration // default 72 h
	MaxBytes  int64         // of all chunks on disk; default 512 MiB
	BootID    [16]byte
	Version   string
	Clock     Clock
	Log       *slog.Logger
	Minute    time.Duration // of one chunk; default a minute
	Memory    time.Duration // that chunks are kept in memory; default 15 minutes
	// Ticks replaces the ticker of Interval, for a clock that runs faster; nil: the ticker.
	Ticks <-chan time.Time
}

// Defaults of Options.
const (
	DefaultRetention = 72 * time.Hour
	DefaultMaxBytes  = 512 << 20
	defaultMinute    = time.Minute
	defaultMemory    = 15 * time.Minute
)

// Recorder keeps one chain. Run makes it; the other methods may be called at any time.
type Recorder struct {
	o Options

	mu      sync.Mutex
	doc     []byte // genesis document; nil before the chain began
	start   uint64 // its uptime, ms
	head    telemetry.Head
	at      uint64 // of the last record, ms since the epoch
	uptime  uint64 // of the last record
	missed  uint64
	anchor  uint64
	open    []*telemetry.Record // since the last chunk
	before  telemetry.Head      // of open
	opened  time.Duration       // running time at which open began
	recent  []packed            // closed chunks, oldest first
	marks   []attest.Digest
	pending []telemetry.Fact
	watch   watch
	driver  driver

	tail       tail
	disk       disk
	storedFrom uint64 // records of this chain on disk without gap; 0: none
	storedTo   uint64
	failing    bool
	lost       uint64 // records that left memory before they were stored
}

// packed is a closed chunk in memory.
type packed struct {
	first, last uint64
	uptime      uint64 // of its last record
	bytes       []byte
	stored      bool
}

// New makes a recorder; Run begins its chain.
func New(o Options) *Recorder {
	if o.Retention <= 0 {
		o.Retention = DefaultRetention
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Minute <= 0 {
		o.Minute = defaultMinute
	}
	if o.Memory <= 0 {
		o.Memory = defaultMemory
	}
	return &Recorder{o: o, watch: watch{interval: o.Interval}, disk: disk{wake: make(chan struct{}, 1)}}
}

// Run records until ctx ends, then closes the open chunk and writes it. ueid is the
// node's, zero if it is not known.
func (r *Recorder) Run(ctx context.Context, ueid attest.UEID) {
	if err := r.begin(ueid); err != nil {
		r.o.Log.Error("no telemetry: its chain could not begin", "err", err)
		return
	}
	var writing sync.WaitGroup
	stop := make(chan struct{})
	writing.Go(func() { r.write(stop) })
	r.tick(ctx)
	r.closeChunk()
	close(stop)
	writing.Wait()
	r.disk.close()
}

// maxWaiting bounds the marks that wait for a record: a minute of a quote every fifteen milliseconds.
const maxWaiting = 4096

// Mark puts a frozen batch's root into the next record, or into those after it where
// one takes no more: an honest node under load must not lose what ties its records to a challenge.
func (r *Recorder) Mark(root attest.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.marks) < maxWaiting {
		r.marks = append(r.marks, root)
	}
}

// Head is the chain's latest head; false before there is one.
func (r *Recorder) Head() (telemetry.Head, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.head, r.doc != nil && r.head.Index > 0
}

// Anchored keeps a quote over a head of this chain.
func (r *Recorder) Anchored(a *telemetry.Anchor) error {
	if err := r.disk.anchor(a); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.anchor = max(r.anchor, a.Head.Index)
	return nil
}

// Claims are what a quote made now fixes.
func (r *Recorder) Claims() (*telemetry.Claims, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.doc == nil {
		return nil, &attest.AbsentError{Absence: attest.Absent(string(attest.KindTelemetry), attest.NotYet, "the chain has not begun")}
	}
	return &telemetry.Claims{Genesis: r.doc, Ancestors: r.disk.ancestors, Index: r.head.Index, Hash: r.head.Hash, At: r.at, Uptime: r.uptime,
		Now: max(millis(r.o.Clock.Boot()), r.uptime), StoredFrom: r.storedFrom, StoredTo: r.storedTo, Missed: r.missed, Anchored: r.anchor}, nil
}

func millis(d time.Duration) uint64 { return uint64(max(d.Milliseconds(), 0)) }
