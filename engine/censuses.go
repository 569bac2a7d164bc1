package engine

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine/census"
)

const (
	censusLimit = 2 * time.Minute // for the headers of one model: seconds on any disk that serves
	censusRetry = time.Minute     // after a model could not be counted: a disk may have come back
)

// censuses keeps what the headers of each configured model hold, and reads them
// in the background: asking costs nothing, so no answer waits for a disk between
// its batch and its quote. One entry for each configured path, and that only while
// the manifest has the digest it was taken for.
type censuses struct {
	digests *Digests
	now     func() time.Time

	mu     sync.Mutex
	kept   map[string]*counting // by configured path
	queue  []*counting
	wake   chan struct{} // one token when the queue grew
	queued map[string]bool
}

// counting is the census of one model in one state, wanted or taken.
type counting struct {
	path   string
	digest [32]byte
	files  Manifest
	census *census.Census
	absent []attest.Absence // below "census"
	at     time.Time
}

func newCensuses(d *Digests, now func() time.Time) *censuses {
	return &censuses{digests: d, now: now, kept: map[string]*counting{}, queued: map[string]bool{}, wake: make(chan struct{}, 1)}
}

// of returns the census of a model whose manifest has this digest, nil if it is
// still to be taken.
func (s *censuses) of(path string, digest [32]byte, files Manifest) *counting {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kept[path]
	if k != nil && k.digest != digest {
		delete(s.kept, path)
		k = nil
	}
	failed := k != nil && k.census == nil && s.now().Sub(k.at) > censusRetry
	if (k == nil || failed) && !s.queued[path] {
		s.queued[path] = true
		s.queue = append(s.queue, &counting{path: path, digest: digest, files: files})
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return k
}

// run takes queued censuses, one at a time, until ctx ends.
func (s *censuses) run(ctx context.Context) {
	for {
		k := s.take()
		if k == nil {
			select {
			case <-ctx.Done():
				return
			case <-s.wake:
			}
			continue
		}
		ok := s.count(ctx, k)
		if ctx.Err() != nil {
			return
		}
		s.finish(k, ok)
	}
}

func (s *censuses) take() *counting {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return nil
	}
	k := s.queue[0]
	s.queue = s.queue[1:]
	return k
}

// finish keeps what was taken. What could not be taken because the files moved
// is not kept: the next question has their new manifest and asks again.
func (s *censuses) finish(k *counting, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.queued, k.path)
	if ok {
		k.files = nil
		s.kept[k.path] = k
	}
}

// count reads the headers of the files whose digests make up the manifest. An
// open file is such a one if the digest that is kept for its inode, size and times,
// or the kernel's, is the manifest's: a file exchanged since is not counted for the other.
func (s *censuses) count(ctx context.Context, k *counting) bool {
	ctx, cancel := context.WithTimeout(ctx, censusLimit)
	defer cancel()
	var err error
	k.census, k.absent, err = takeCensus(ctx, k.path, k.files, s.digests.held)
	k.at = s.now()
	if err == nil {
		return true
	}
	k.census, k.absent = nil, []attest.Absence{attest.Absent("census", attest.Timeout, "headers not read within %v", censusLimit)}
	return errors.Is(err, context.DeadlineExceeded)
}

// held says whether an open file is the one of a manifest entry, without reading
// it: the kernel's digest, or the one kept for its inode, size and times, is the
// entry's. A digest of a file that may have changed within a clock tick of its
// hashing does not count; it is hashed again when the model is stated next.
func (d *Digests) held(f *os.File, key fileKey, e Entry) error {
	if kernel, err := kernelDigest(f); err == nil {
		if kernel == e.FSVerity {
			return nil
		}
		return errMoved
	}
	if k, _ := d.get(key, false); k == nil || k.dirty || k.digest != e.FSVerity {
		return errMoved
	}
	return nil
}
