package agent

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

func nonce(i int) (n attest.Nonce) { binary.BigEndian.PutUint64(n[:], uint64(i)+1); return n }

func openUsed(t testing.TB, dir string, now uint64) *SingleUse {
	t.Helper()
	s, err := OpenSingleUse(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSingleUseSurvivesReopeningAndATornTail(t *testing.T) {
	dir, key := t.TempDir(), attest.Digest{1}
	s := openUsed(t, dir, 0)
	for i := range 3 {
		if err := s.Use(key, nonce(i), 1000, 10, true); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	path := filepath.Join(dir, singleUseFile)
	st, _ := os.Stat(path)
	if st.Size() != 3*singleUseEntry {
		t.Fatalf("file of %d bytes: not written before answering", st.Size())
	}
	if err := os.Truncate(path, st.Size()-7); err != nil { // a crash in the middle of the last write
		t.Fatal(err)
	}
	s = openUsed(t, dir, 10)
	for i, want := range []error{errUsed, errUsed, nil} {
		if err := s.Use(key, nonce(i), 1000, 20, true); !errors.Is(err, want) || (want == nil && err != nil) {
			t.Errorf("%d: %v, want %v", i, err, want)
		}
	}
}

func TestSingleUseForgetsWhatExpiredAndWhatAnotherClockWrote(t *testing.T) {
	dir, key := t.TempDir(), attest.Digest{1}
	s := openUsed(t, dir, 0)
	s.Use(key, nonce(0), 1000, 10, true)
	s.Use(key, nonce(1), 1<<60, 10, true)
	s.Use(key, nonce(2), 50_000, 10, true)
	s.Close()
	if n := openUsed(t, dir, 2000).Len(); n != 1 {
		t.Errorf("%d remembered, want 1", n)
	}
}

func TestSingleUseSkipsAFlippedEntry(t *testing.T) {
	dir, key := t.TempDir(), attest.Digest{1}
	s := openUsed(t, dir, 0)
	s.Use(key, nonce(0), 1000, 10, true)
	s.Use(key, nonce(1), 1000, 10, true)
	s.Close()
	path := filepath.Join(dir, singleUseFile)
	b, _ := os.ReadFile(path)
	b[3] ^= 1
	os.WriteFile(path, b, 0o600)
	s = openUsed(t, dir, 10)
	if err := s.Use(key, nonce(1), 1000, 20, true); !errors.Is(err, errUsed) {
		t.Error("the entry behind the flipped one was lost")
	}
}

func TestSingleUseIsBoundedAndKeepsAShareForListed(t *testing.T) {
	s := openUsed(t, t.TempDir(), 0)
	s.bound = 8
	i, now := 0, uint64(10)
	use := func(listed bool) error { i++; return s.Use(attest.Digest{1}, nonce(i), 5000, now, listed) }
	for range 4 {
		if err := use(false); err != nil {
			t.Fatal(err)
		}
	}
	if err := use(false); !errors.Is(err, errFull) {
		t.Errorf("unlisted over their share: %v", err)
	}
	for range 4 {
		if err := use(true); err != nil {
			t.Fatal(err)
		}
	}
	if err := use(true); !errors.Is(err, errFull) {
		t.Errorf("over the bound: %v", err)
	}
	now = 6000
	if err := use(true); err != nil {
		t.Errorf("room again after expiry: %v", err)
	}
}

func TestSingleUseFileStaysBounded(t *testing.T) {
	dir := t.TempDir()
	s := openUsed(t, dir, 0)
	s.bound = 8
	now := uint64(10)
	for i := range 200 {
		now += 3000
		if err := s.Use(attest.Digest{1}, nonce(i), now+5000, now, true); err != nil {
			t.Fatal(err)
		}
	}
	st, err := os.Stat(filepath.Join(dir, singleUseFile))
	if err != nil || st.Size() > 2*8*singleUseEntry {
		t.Errorf("%d bytes, want at most %d (%v)", st.Size(), 2*8*singleUseEntry, err)
	}
	s.Close()
	if err := openUsed(t, dir, now).Use(attest.Digest{1}, nonce(199), now+5000, now, true); !errors.Is(err, errUsed) {
		t.Error("forgotten by compaction:", err)
	}
}

func FuzzDecodeUse(f *testing.F) {
	f.Add(encodeUse(attest.Digest{1}, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		if id, until, ok := decodeUse(b); ok && string(encodeUse(id, until)) != string(b) {
			t.Fatalf("%x does not encode to itself", b)
		}
	})
}
