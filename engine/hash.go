package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/time/rate"

	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/attest/fsverity/disk"
	"github.com/hallmark-attest/hallmark/attest/fsverity/sums"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// pruneAfter is how long sums of a file that nobody asks for are kept.
const pruneAfter = 30 * 24 * time.Hour

func newLimit(bytesPerSecond int64) *rate.Limiter {
	if bytesPerSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(bytesPerSecond), fsverity.ChunkSize)
}

// hash reads all of a small file, while somebody waits.
func (d *Digests) hash(ctx context.Context, f *os.File, key fileKey, plain bool) (*kept, error) {
	id := d.observe(f, key)
	return d.pass(ctx, f, f, key, plain, d.opt.Now(), id, fsverity.Options{Workers: d.opt.Workers})
}

// hashLarge reads all of f in the background: past the page cache, after
// everybody else, within the budget, and behind what was read before a restart.
func (d *Digests) hashLarge(ctx context.Context, f *os.File, key fileKey, plain bool, progress func(int64)) (*kept, error) {
	r := disk.Open(f)
	defer r.Close()
	opt := fsverity.Options{Workers: d.opt.Workers, Progress: progress, Worker: disk.Idle}
	if opt.Workers == 0 {
		opt.Workers = r.Workers()
	}
	if d.limit != nil {
		opt.Wait = d.limit.WaitN
	}
	id := d.observe(f, key)
	begun := d.opt.Now()
	if before := d.before(key); before != nil {
		return d.again(ctx, f, r, before, plain, begun, id, opt)
	}
	if s := d.store(key, begun, plain); s != nil {
		defer s.Close()
		if opt.Sums = d.sink(s); !plain {
			opt.Done = s.Done()
			if was := s.Subject().Begun; was.Before(begun) { // part of it was read before an agent's restart, unwatched
				d.unobserve(id)
				begun, id = was, 0
			}
		}
	}
	return d.pass(ctx, f, r, key, plain, begun, id, opt)
}

// before is what is kept for a key; the file is to be read once more then.
func (d *Digests) before(key fileKey) *kept {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := d.entries[key]; e != nil {
		return e.Value.(*kept)
	}
	return nil
}

// maxGathered bounds the sums held while a file is read once more: of 1 TiB.
const maxGathered = 64 << 20

// again reads all of a file whose digest is known. Stored sums serve proofs
// meanwhile and stay if they were of the same bytes.
func (d *Digests) again(ctx context.Context, f *os.File, r io.ReaderAt, before *kept, plain bool, begun time.Time, id uint64, opt fsverity.Options) (*kept, error) {
	var gathered []byte
	opt.Sums = func(b []byte) error {
		if len(gathered)+len(b) <= maxGathered {
			gathered = append(gathered, b...)
		}
		return nil
	}
	k, err := d.pass(ctx, f, r, before.key, plain || before.plain != nil, begun, id, opt)
	if err != nil {
		return nil, err
	}
	s := d.store(k.key, begun, false)
	if s == nil {
		return k, nil
	}
	defer s.Close()
	if s.Complete() && before.digest == k.digest {
		return k, nil
	}
	if err := errors.Join(s.Restart(begun), d.sink(s)(gathered)); err != nil {
		d.opt.Log.Warn("sums of a file are not kept: no proofs of its blocks", "err", err)
	}
	return k, nil
}

// pass reads f by way of r and keeps the result, provided that f is the same
// after as before. It takes over the watch id, which was set before.
func (d *Digests) pass(ctx context.Context, f *os.File, r io.ReaderAt, key fileKey, plain bool, begun time.Time, id uint64, opt fsverity.Options) (_ *kept, err error) {
	defer func() {
		if err != nil {
			d.unobserve(id)
		}
	}()
	if now, err := keyOf(f); err != nil || now != key { // once more, since it is watched
		return nil, fmt.Errorf("%w: written to before it was hashed", proc.ErrChanged)
	}
	k := &kept{key: key, at: begun, watch: id, name: f.Name()}
	if plain {
		k.plain = new([32]byte)
		k.digest, *k.plain, err = fsverity.Both(ctx, r, key.size, opt)
	} else {
		k.digest, err = fsverity.Digest(ctx, r, key.size, opt)
	}
	if errors.Is(err, fsverity.ErrSize) {
		return nil, fmt.Errorf("%w: %w", proc.ErrChanged, err)
	}
	if err != nil {
		return nil, err
	}
	if after, err := keyOf(f); err != nil || after != key {
		return nil, fmt.Errorf("%w: written to while it was hashed", proc.ErrChanged)
	}
	if k.dirty = young(key, begun); k.dirty { // not worth a watch: hashed again soon
		d.unobserve(id)
		k.watch = 0
	}
	d.keep(k)
	return k, nil
}

// young says that the file's last change is so near to begun that another one
// may have left all times as they are. ctime moves with every change of data or
// times and cannot be set, short of setting the clock; mtime can be in the future
// by an archive's choice.
func young(key fileKey, begun time.Time) bool {
	return begun.Sub(time.Unix(key.ctime.Unix())) < settle
}

// store opens the sums of a file, or returns nil where none can be kept. That
// costs proofs and, after a restart, time; so it is logged and hinders nothing.
// A plain SHA-256 cannot begin in the middle, so sums that are whole stay as they
// are then, and others begin anew.
func (d *Digests) store(key fileKey, begun time.Time, plain bool) *sums.File {
	if d.opt.StateDir == "" || d.opt.BootID == "" || young(key, begun) {
		return nil // a young file is hashed again anyway, and its sums could be of other contents
	}
	s, err := sums.Open(d.sumsName(key), d.subject(key, begun))
	if err == nil && plain {
		if s.Complete() {
			s.Close()
			return nil
		}
		err = s.Restart(begun)
	}
	if err != nil {
		d.opt.Log.Warn("sums of a file are not kept: no proofs of its blocks", "err", err)
		return nil
	}
	s.Used(d.opt.Now())
	return s
}

// sink stores sums until that fails.
func (d *Digests) sink(s *sums.File) func([]byte) error {
	failed := false
	return func(b []byte) error {
		if failed {
			return nil
		}
		if err := s.Add(b); err != nil {
			failed = true
			d.opt.Log.Warn("sums of a file are not kept: no proofs of its blocks", "err", err)
		}
		return nil
	}
}

// subject is a file in one state, in one boot: what a boot before has read is
// not what this kernel answers for.
func (d *Digests) subject(key fileKey, begun time.Time) sums.Subject {
	id := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %d %d.%d %d.%d", d.opt.BootID, key.dev, key.ino, key.size,
		key.mtime.Sec, key.mtime.Nsec, key.ctime.Sec, key.ctime.Nsec))
	return sums.Subject{Identity: id, Size: key.size, Begun: begun}
}

func (d *Digests) sumsName(key fileKey) string {
	return filepath.Join(d.opt.StateDir, fmt.Sprintf("%x-%x%s", key.dev, key.ino, sums.Suffix))
}

func (d *Digests) prune() {
	if d.opt.StateDir == "" {
		return
	}
	if err := sums.Prune(d.opt.StateDir, d.opt.Now().Add(-pruneAfter)); err != nil {
		d.opt.Log.Warn("old sums not removed", "err", err)
	}
}
