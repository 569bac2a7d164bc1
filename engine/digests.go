package engine

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"

	"github.com/hallmark-attest/hallmark/internal/proc"
)

const (
	defaultInline  = 4 << 20
	defaultBudget  = 64 << 20
	defaultEntries = 1 << 17 // more than one model's files and an engine's libraries
	maxPending     = 512     // files held open for background hashing

	// settle is how old a file's last change must be when hashing starts: a write
	// within the same clock tick as the last one leaves all times as they were.
	settle = 2 * time.Second
)

// DigestOptions are the costs that Digests may incur. Zero values are the defaults.
type DigestOptions struct {
	InlineBytes int64            // files up to this size are hashed while asked: 4 MiB
	BudgetBytes int64            // and no more than this in one Collect: 64 MiB
	MaxEntries  int              // digests kept, least recently used ones are dropped: 131072
	Workers     int              // goroutines that hash one file; 0 is one a processor, or more where a disk is waited for
	Now         func() time.Time // nil: time.Now

	// StateDir is where sums of files above InlineBytes are stored: for passes that
	// go on after a restart of the agent, and for proofs of blocks. BootID ends what
	// they are good for with the boot. Without both nothing is stored.
	StateDir string
	BootID   string
	// BackgroundBytesPerSecond limits what Run reads: 0 is as fast as the disk and
	// everybody else's reads allow, for it reads with the lowest priority.
	BackgroundBytesPerSecond int64
	// Reread is the period in which Run reads every large file once more; 0 never.
	// It is for what is written behind the file system, and wants a limit above.
	Reread time.Duration
	// Watch notices changes of hashed files; nil: their times are compared alone. The caller closes it.
	Watch Watcher
	Log   *slog.Logger // nil: nowhere
}

// Digests keeps digests of files by (device, inode, size, mtime, ctime). An
// unchanged tuple excludes accident and unprivileged change, not root: root can
// set the clock back, or write to the block device (freshness "hashed+stat").
// Safe for use by several goroutines.
type Digests struct {
	opt   DigestOptions
	limit *rate.Limiter // of Run; nil is none

	mu      sync.Mutex
	entries map[fileKey]*list.Element // of *kept
	recent  list.List
	pending map[fileKey]*job
	queue   []*job
	watches map[uint64]*watching
	wake    chan struct{} // one token when the queue grew
	idle    chan struct{} // closed when nothing is pending; replaced when something is

	draining sync.Mutex   // held while events are read and until they are in watches; before mu
	drained  atomic.Int64 // Unix nanoseconds: what happened until then was read
}

type fileKey struct {
	dev, ino     uint64
	size         int64
	mtime, ctime unix.Timespec
}

// kept is one digest. plain is nil if only the fs-verity digest was computed.
type kept struct {
	key    fileKey
	digest [32]byte
	plain  *[32]byte
	at     time.Time // when hashing began
	dirty  bool      // changed less than settle before, or an event since: hash anew next time
	name   string    // by which a large one may be found again
	watch  uint64    // watched since before it was read and nothing happened; 0: not watched
	// lost: it is due to be read once more and was not found by its name. Who opens it again has it queued.
	lost bool
}

type job struct {
	key   fileKey
	file  *os.File
	plain bool
	done  atomic.Int64
}

// NotYetError says that a file is being hashed in the background.
type NotYetError struct{ Done, Size int64 }

func (e *NotYetError) Error() string {
	return fmt.Sprintf("being hashed: %d of %d bytes", e.Done, e.Size)
}

// ErrBusy says that too many files wait for hashing; a later question queues the file.
var ErrBusy = errors.New("too many files wait for hashing")

// NewDigests returns an empty store. Large files are hashed only while Run runs.
func NewDigests(opt DigestOptions) *Digests {
	if opt.InlineBytes == 0 {
		opt.InlineBytes = defaultInline
	}
	if opt.BudgetBytes == 0 {
		opt.BudgetBytes = defaultBudget
	}
	if opt.MaxEntries == 0 {
		opt.MaxEntries = defaultEntries
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	d := &Digests{opt: opt, limit: newLimit(opt.BackgroundBytesPerSecond), entries: map[fileKey]*list.Element{}, pending: map[fileKey]*job{}, watches: map[uint64]*watching{}, wake: make(chan struct{}, 1), idle: make(chan struct{})}
	close(d.idle)
	return d
}

func keyOf(f *os.File) (fileKey, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return fileKey{}, fmt.Errorf("stat: %w", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fileKey{}, proc.ErrNotRegular
	}
	if st.Size > MaxFileBytes {
		return fileKey{}, fmt.Errorf("%w of %d bytes", proc.ErrOversize, int64(MaxFileBytes))
	}
	return fileKey{uint64(st.Dev), st.Ino, st.Size, st.Mtim, st.Ctim}, nil
}

// file answers for one open file: from the kernel, from what is kept, by hashing
// it now if it is small and budget (bytes left) allows, else with NotYetError
// while Run hashes it. plain asks for the plain SHA-256 as well.
func (d *Digests) file(ctx context.Context, f *os.File, plain bool, budget *int64) (FileDigest, error) {
	key, err := keyOf(f)
	if err != nil {
		return FileDigest{}, err
	}
	now := d.opt.Now()
	kernel, kerr := kernelDigest(f)
	if kerr == nil && !plain {
		return FileDigest{SizeBytes: uint64(key.size), FSVerity: kernel[:], DigestSource: SourceKernel, Freshness: FreshKernel,
			DigestAtMs: ms(now), CheckedAtMs: ms(now)}, nil
	}
	k, fresh := d.get(key, plain)
	if k == nil || k.dirty {
		if key.size <= d.opt.InlineBytes && *budget >= key.size {
			*budget -= key.size
			if k, err = d.hash(ctx, f, key, plain); err != nil {
				return FileDigest{SizeBytes: uint64(key.size)}, err
			}
			fresh = FreshHashed
		} else if err := d.enqueue(f, key, plain); k == nil {
			return FileDigest{SizeBytes: uint64(key.size)}, err
		}
	} else if k.lost {
		_ = d.enqueue(f, key, plain || k.plain != nil) // says only how far it is; what is kept stands meanwhile
	}
	out := d.computed(k, fresh, plain)
	if kerr == nil {
		out.FSVerity, out.DigestSource = kernel[:], SourceKernel
	}
	return out, nil
}

// unchanged answers for a regular file that was looked at by name and not
// opened: it is the inode of the key, so what is kept for the key is its digest.
// False means that it has to be opened. Not for files under fs-verity.
func (d *Digests) unchanged(key fileKey, plain bool) (FileDigest, bool) {
	k, fresh := d.get(key, plain)
	if k == nil || k.dirty || k.lost {
		return FileDigest{}, false
	}
	return d.computed(k, fresh, plain), true
}

// computed states a digest that was computed; plain asks for the plain SHA-256 as well.
func (d *Digests) computed(k *kept, fresh string, plain bool) FileDigest {
	now := d.opt.Now()
	if fresh == FreshWatched {
		now = time.Unix(0, d.drained.Load()) // events since are not read yet
	}
	out := FileDigest{SizeBytes: uint64(k.key.size), FSVerity: k.digest[:], DigestSource: SourceComputed, Freshness: fresh, DigestAtMs: ms(k.at), CheckedAtMs: ms(now)}
	if plain {
		out.SHA256 = k.plain[:]
	}
	return out
}

// get returns what is kept for a key. A dirty digest is still what the file was
// when it was read, so it is worth stating, without the claim that stat excludes change.
func (d *Digests) get(key fileKey, plain bool) (*kept, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.entries[key]
	if e == nil {
		return nil, ""
	}
	k := e.Value.(*kept)
	if plain && k.plain == nil {
		return nil, ""
	}
	d.recent.MoveToFront(e)
	switch {
	case k.dirty:
		return k, FreshHashed
	case k.watch != 0 && d.drained.Load() > k.at.UnixNano():
		return k, FreshWatched
	}
	return k, FreshStat
}

// keep takes a digest into the store. What an event touched while it was read is dirty.
func (d *Digests) keep(k *kept) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w := d.watches[k.watch]; k.watch != 0 && (w == nil || w.touched) {
		d.forget(k.watch)
		k.watch, k.dirty = 0, true
	}
	if e := d.entries[k.key]; e != nil {
		before := e.Value.(*kept)
		if before.digest != k.digest && !young(before.key, before.at) {
			d.opt.Log.Warn("a file holds other bytes than when it was read before, and its size and times are the same: written to behind the file system, or its clock was set",
				"file", k.name, "before", fmt.Sprintf("%x", before.digest), "now", fmt.Sprintf("%x", k.digest))
		}
		d.forget(before.watch)
		d.recent.Remove(e)
	}
	d.entries[k.key] = d.recent.PushFront(k)
	for d.recent.Len() > d.opt.MaxEntries {
		last := d.recent.Back()
		d.recent.Remove(last)
		gone := last.Value.(*kept)
		d.forget(gone.watch)
		delete(d.entries, gone.key)
	}
}

func ms(t time.Time) uint64 { return uint64(max(0, t.UnixMilli())) }
