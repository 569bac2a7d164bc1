package agent

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/hallmark-attest/hallmark/attest"
)

// The single-use file: fixed-size entries, appended before the request is
// answered: expiry (u64 ms), SHA-256 over key digest and nonce, CRC-32C of both.
const (
	singleUseFile  = "nonces"
	singleUseEntry = 8 + 32 + 4
	// maxSingleUse bounds the live entries (2.8 MB on disk): 546 requests a second, each living the full 120 s.
	maxSingleUse = 65536
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// SingleUse remembers (key, nonce) pairs until they expire, across restarts of
// the process. It is written without fsync: after a power cut the last
// moments may be forgotten, and a request could be answered a second time by
// an evidence key that did not exist before. A validator's own record still names one nonce once.
type SingleUse struct {
	mu     sync.Mutex
	file   *os.File
	dir    string
	live   map[attest.Digest]uint64 // to expiry, ms
	onDisk int                      // entries in the file
	bound  int
	// dropped is when expired entries were last looked for, ms.
	dropped uint64
	// unlisted counts the live entries of keys that are not listed.
	// After a restart they count as listed until they expire: the share is only for the flood that is going on.
	unlisted map[attest.Digest]bool
}

// The outcomes of Use that the asker is told.
var (
	errUsed = errors.New("used before")
	errFull = errors.New("store of used nonces is full")
)

// OpenSingleUse reads the store in dir, drops what expired before now (ms) and a torn tail.
func OpenSingleUse(dir string, now uint64) (*SingleUse, error) {
	s := &SingleUse{dir: dir, live: map[attest.Digest]uint64{}, unlisted: map[attest.Digest]bool{}, bound: maxSingleUse}
	if err := makeStateDir(dir); err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(dir, singleUseFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("single-use store: %w", err)
	default:
		err = s.read(f, now)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("single-use store: %w", err)
		}
	}
	if err := s.compact(); err != nil {
		return nil, fmt.Errorf("single-use store: %w: state_dir must be writable for this user", err)
	}
	return s, nil
}

// Close closes the file.
func (s *SingleUse) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file.Close()
}

// Len returns the number of remembered pairs.
func (s *SingleUse) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.live)
}

func useOf(key attest.Digest, nonce attest.Nonce) attest.Digest {
	return attest.Digest(sha256.Sum256(append(key[:], nonce[:]...)))
}

// Used reports whether the pair is remembered. That it is not says nothing about a moment later: Use decides.
func (s *SingleUse) Used(key attest.Digest, nonce attest.Nonce, now uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[useOf(key, nonce)] > now
}

// Use remembers the pair until expiry, or says that it was used or that there is no room.
func (s *SingleUse) Use(key attest.Digest, nonce attest.Nonce, expiry, now uint64, listed bool) error {
	id := useOf(key, nonce)
	s.mu.Lock()
	defer s.mu.Unlock()
	if until, used := s.live[id]; used && until > now {
		return errUsed
	}
	if s.full(listed) {
		s.drop(now)
		if s.full(listed) {
			return errFull
		}
	}
	if s.onDisk >= 2*s.bound {
		s.dropped = 0
		s.drop(now)
		if err := s.compact(); err != nil {
			return fmt.Errorf("single-use store: %w", err)
		}
	}
	if _, err := s.file.WriteAt(encodeUse(id, expiry), int64(s.onDisk)*singleUseEntry); err != nil {
		return fmt.Errorf("single-use store: %w", err) // the next entry overwrites what half of this one was written
	}
	s.onDisk++
	s.live[id] = expiry
	if !listed {
		s.unlisted[id] = true
	}
	return nil
}

// full reports whether there is no room for one more. Unlisted keys may fill half.
func (s *SingleUse) full(listed bool) bool {
	return len(s.live) >= s.bound || (!listed && len(s.unlisted) >= s.bound/2)
}

// drop forgets what has expired; at most once a second, for a flood on a full store must stay cheap.
func (s *SingleUse) drop(now uint64) {
	if now-s.dropped < 1000 {
		return
	}
	s.dropped = now
	for id, until := range s.live {
		if until <= now {
			delete(s.live, id)
			delete(s.unlisted, id)
		}
	}
}

func encodeUse(id attest.Digest, expiry uint64) []byte {
	b := append(binary.BigEndian.AppendUint64(make([]byte, 0, singleUseEntry), expiry), id[:]...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeUse reads one entry; false is an entry that a crash left half written.
func decodeUse(b []byte) (attest.Digest, uint64, bool) {
	if len(b) != singleUseEntry || crc32.Checksum(b[:40], castagnoli) != binary.BigEndian.Uint32(b[40:]) {
		return attest.Digest{}, 0, false
	}
	return attest.Digest(b[8:40]), binary.BigEndian.Uint64(b), true
}

// read takes over the live entries. Bad ones are skipped: each entry is written
// at a multiple of its size, so one that failed half-way shifts nothing.
func (s *SingleUse) read(r io.Reader, now uint64) error {
	b := make([]byte, singleUseEntry)
	for range 4 * maxSingleUse {
		_, err := io.ReadFull(r, b)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		// An expiry beyond the longest life was written under another clock: keeping it for ever would fill the store.
		if id, until, ok := decodeUse(b); ok && until > now && until <= now+attest.MaxLifeMillis+2*clockSkewMillis {
			s.live[id] = until
		}
	}
	return nil
}

// compact writes the live entries to a new file and puts it in the old one's place.
func (s *SingleUse) compact() error {
	f, err := os.CreateTemp(s.dir, singleUseFile+".*")
	if err != nil {
		return err
	}
	b := make([]byte, 0, len(s.live)*singleUseEntry)
	for id, until := range s.live {
		b = append(b, encodeUse(id, until)...)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(s.dir, singleUseFile))
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return err
	}
	if s.file != nil {
		s.file.Close()
	}
	s.file, s.onDisk = f, len(s.live)
	return nil
}
