package history

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/verify"
)

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := sign.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var node = attest.UEIDFromKey(attest.Digest{1})

func verdict(sent uint64) *attest.Verdict {
	return &attest.Verdict{Profile: attest.Profile, UEID: node, Record: attest.Digest{byte(sent), byte(sent >> 8)}, Sent: sent, Received: sent + 5,
		Tier: "verified", Findings: []string{"clock.rate", "ima.hidden"},
		Clock: &attest.VerdictClock{AK: attest.Digest{2}, Clock: sent, Resets: 3, Restarts: 1, Safe: true, Firmware: 9}}
}

func newStore(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Store) add(t testing.TB, key *ecdsa.PrivateKey, v *attest.Verdict, logs map[string][]byte) {
	t.Helper()
	if err := s.Append(key, &verify.Result{Verdict: v, Logs: logs}); err != nil {
		t.Fatal(err)
	}
}

func (s *Store) load(t testing.TB, at uint64, key *ecdsa.PrivateKey) *verify.History {
	t.Helper()
	h, err := s.Load(node, at, &key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestWhatIsAppendedIsLoaded(t *testing.T) {
	s, key := newStore(t), newKey(t)
	if h := s.load(t, 5, key); len(h.Verdicts) != 0 || len(h.Logs) != 0 {
		t.Fatalf("%+v", h)
	}
	s.add(t, key, verdict(1000), map[string][]byte{attest.LogIMA: []byte("ima"), attest.LogBoot: []byte("boot")})
	s.add(t, key, verdict(2000), nil)
	s.add(t, key, verdict(2000), nil) // the same once more
	h := s.load(t, 1500, key)
	if d := cmp.Diff([]attest.Verdict{*verdict(1000), *verdict(2000)}, h.Verdicts); d != "" {
		t.Error(d)
	}
	if string(h.Logs[attest.LogIMA]) != "ima" || string(h.Logs[attest.LogBoot]) != "boot" || len(h.Logs) != 2 {
		t.Errorf("%q", h.Logs)
	}
	other, err := s.Load(attest.UEIDFromKey(attest.Digest{7}), 1500, &key.PublicKey)
	if err != nil || len(other.Verdicts)+len(other.Logs) != 0 {
		t.Errorf("another node's: %+v, %v", other, err)
	}
	if err := s.Append(key, &verify.Result{Logs: map[string][]byte{attest.LogIMA: nil}}); err != nil || len(s.load(t, 1500, key).Logs) != 2 {
		t.Errorf("a result without verdict leaves something: %v", err)
	}
}

func TestOpenNeedsADirectory(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "make the directory") {
		t.Errorf("%v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil || !strings.Contains(err.Error(), "no directory") {
		t.Errorf("%v", err)
	}
}

func TestAppendRefusesWhatNobodyWouldRead(t *testing.T) {
	s, key := newStore(t), newKey(t)
	for name, change := range map[string]func(*attest.Verdict){
		"profile":           func(v *attest.Verdict) { v.Profile = "x" },
		"times":             func(v *attest.Verdict) { v.Received = v.Sent - 1 },
		"findings":          func(v *attest.Verdict) { v.Findings = []string{"b", "a"} },
		"too many findings": func(v *attest.Verdict) { v.Findings = make([]string, attest.MaxAbsences+1) },
	} {
		v := verdict(9)
		change(v)
		if err := s.Append(key, &verify.Result{Verdict: v}); err == nil {
			t.Errorf("%s: kept", name)
		}
	}
	if entries, _ := os.ReadDir(s.dir); len(entries) != 0 {
		t.Error("something is left")
	}
}

func TestVerdictsOfOthersAndDamagedOnesAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(t *testing.T, path string)
		says   string
	}{
		"another validator's": {func(t *testing.T, path string) {
			s := &Store{filepath.Dir(filepath.Dir(path))}
			s.add(t, newKey(t), verdict(1000), nil)
		}, "remove it, or name the validator that wrote it"},
		"torn":    {func(t *testing.T, path string) { truncate(t, path, 40) }, "remove it"},
		"empty":   {func(t *testing.T, path string) { truncate(t, path, 0) }, "remove it"},
		"changed": {func(t *testing.T, path string) { flip(t, path) }, "remove it"},
		"renamed to another time": {func(t *testing.T, path string) {
			rename(t, path, strings.Replace(path, stamp(1000), stamp(999), 1))
		}, "renamed or moved"},
		"renamed to another record": {func(t *testing.T, path string) {
			rename(t, path, strings.Replace(path, verdict(1000).Record.Short(), "00000000", 1))
		}, "renamed or moved"},
		"over the limit": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, make([]byte, attest.MaxVerdictSize+1), 0o600); err != nil {
				t.Fatal(err)
			}
		}, fmt.Sprintf("over %d bytes", attest.MaxVerdictSize)},
		"a record in its place": {func(t *testing.T, path string) {
			b, err := sign.Seal(newKey(t), attest.TypeRecord, []byte{0xa0})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "remove it"},
	} {
		s, key := newStore(t), newKey(t)
		s.add(t, key, verdict(1000), nil)
		path := filepath.Join(s.node(node), fileName(verdict(1000)))
		c.damage(t, path)
		_, err := s.Load(node, 1000, &key.PublicKey)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), s.node(node)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Moved below another node.
	s, key := newStore(t), newKey(t)
	s.add(t, key, verdict(1000), nil)
	other := attest.UEIDFromKey(attest.Digest{7})
	rename(t, s.node(node), s.node(other))
	if _, err := s.Load(other, 1000, &key.PublicKey); err == nil || !strings.Contains(err.Error(), "moved") {
		t.Errorf("%v", err)
	}
}

func truncate(t *testing.T, path string, n int64) {
	t.Helper()
	if err := os.Truncate(path, n); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func flip(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNearestVerdictsAreLoaded(t *testing.T) {
	s, key := newStore(t), newKey(t)
	for i := range uint64(3 * Nearest) {
		s.add(t, key, verdict(1000+10*i), nil)
	}
	for _, c := range []struct {
		at       uint64
		from, to uint64
	}{
		{0, 1000, 1000 + 10*Nearest},
		{1000 + 10*(3*Nearest/2), 1000 + 10*(3*Nearest/2-Nearest), 1000 + 10*(3*Nearest/2+Nearest)},
		{1005 + 10*(3*Nearest/2), 1010 + 10*(3*Nearest/2-Nearest), 1010 + 10*(3*Nearest/2+Nearest)},
		{99999, 1000 + 10*(2*Nearest), 1000 + 10*(3*Nearest-1)},
	} {
		h := s.load(t, c.at, key)
		if first, last := h.Verdicts[0].Sent, h.Verdicts[len(h.Verdicts)-1].Sent; first != c.from || last != c.to {
			t.Errorf("around %d: %d to %d, want %d to %d", c.at, first, last, c.from, c.to)
		}
	}
	// What others leave in the directory is not read.
	for _, name := range []string{".new-123", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(s.node(node), name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.load(t, 1000, key)
}

func TestLogsAreKeptReplacedAndDropped(t *testing.T) {
	s, key := newStore(t), newKey(t)
	zero := uint64(0)
	wanted := &attest.Logs{Boot: &zero, IMA: &zero}
	offsets := func() string {
		got, err := s.Offsets(node, wanted)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(*got.Boot, *got.IMA, got.CEL)
	}
	if got := offsets(); got != "0 0 <nil>" {
		t.Error(got)
	}
	s.add(t, key, verdict(1), map[string][]byte{attest.LogIMA: []byte("12345"), attest.LogCEL: []byte("x")})
	if got := offsets(); got != "0 5 <nil>" {
		t.Error(got)
	}
	if zero != 0 || *wanted.IMA != 0 {
		t.Error("the caller's challenge was changed")
	}
	s.add(t, key, verdict(2), map[string][]byte{attest.LogIMA: []byte("1234567")})
	if got := offsets(); got != "0 7 <nil>" {
		t.Error(got)
	}
	s.add(t, key, verdict(3), map[string][]byte{attest.LogIMA: nil})
	if got := offsets(); got != "0 0 <nil>" {
		t.Error(got)
	}
	if h := s.load(t, 3, key); string(h.Logs[attest.LogCEL]) != "x" || len(h.Logs) != 1 {
		t.Errorf("%q", h.Logs)
	}
	s.add(t, key, verdict(4), map[string][]byte{attest.LogIMA: nil}) // nothing to drop
	if none, err := s.Offsets(node, nil); none != nil || err != nil {
		t.Errorf("%v, %v", none, err)
	}
}

func TestLogOverTheLimitIsDropped(t *testing.T) {
	s, key := newStore(t), newKey(t)
	s.add(t, key, verdict(1), map[string][]byte{attest.LogIMA: []byte("12345")})
	s.add(t, key, verdict(2), map[string][]byte{attest.LogIMA: make([]byte, MaxKeptLog+1)})
	if h := s.load(t, 2, key); len(h.Logs) != 0 {
		t.Errorf("%d bytes", len(h.Logs[attest.LogIMA]))
	}
	// One that somebody else made too long is named.
	f, err := os.Create(s.logFile(node, attest.LogIMA))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(MaxKeptLog+1), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(node, 2, &key.PublicKey); err == nil || !strings.Contains(err.Error(), "ima.log") {
		t.Errorf("%v", err)
	}
}

func TestAppendsAtOnceLoseNothing(t *testing.T) {
	s, key := newStore(t), newKey(t)
	var wg sync.WaitGroup
	logs := [][]byte{bytes.Repeat([]byte("a"), 1<<16), bytes.Repeat([]byte("b"), 1<<15)}
	for i := range 8 {
		wg.Go(func() {
			s.add(t, key, verdict(uint64(1000+i)), map[string][]byte{attest.LogIMA: logs[i%2]})
			if h := s.load(t, 1000, key); len(h.Verdicts) == 0 {
				t.Error("what was appended is not there")
			}
		})
	}
	wg.Wait()
	h := s.load(t, 1000, key)
	if len(h.Verdicts) != 8 || !slices.ContainsFunc(logs, func(l []byte) bool { return bytes.Equal(l, h.Logs[attest.LogIMA]) }) {
		t.Errorf("%d verdicts, log of %d bytes", len(h.Verdicts), len(h.Logs[attest.LogIMA]))
	}
	entries, err := os.ReadDir(s.node(node))
	if err != nil || len(entries) != 9 {
		t.Errorf("%d files, %v", len(entries), err)
	}
}

func TestAppendThatCannotWriteSaysSo(t *testing.T) {
	s, key := newStore(t), newKey(t)
	if err := os.WriteFile(s.node(node), []byte("in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(key, &verify.Result{Verdict: verdict(1)}); err == nil {
		t.Error("a verdict went nowhere")
	}
	if _, err := s.Load(node, 1, &key.PublicKey); err == nil {
		t.Error("a file was read as a node's directory")
	}
	zero := uint64(0)
	if _, err := s.Offsets(node, &attest.Logs{IMA: &zero}); err == nil {
		t.Error("a file was read as a node's directory")
	}
}

// Whatever a file holds, it is a verdict that means what was signed, or an error.
func FuzzVerdict(f *testing.F) {
	key := newKey(f)
	for _, v := range []*attest.Verdict{verdict(1000), {Profile: attest.Profile, Findings: []string{}}} {
		payload, err := attest.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		doc, err := sign.Seal(key, attest.TypeVerdict, payload)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc)
		f.Add(doc[:len(doc)/2])
		f.Add(payload)
	}
	path := filepath.Join(f.TempDir(), fileName(verdict(1000)))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := openVerdict(b, &key.PublicKey)
		if (v == nil) == (err == nil) {
			t.Fatal("neither verdict nor error")
		}
		if err != nil {
			return
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readVerdict(path, node, &key.PublicKey)
		if (err == nil) != (v.Sent == 1000 && v.UEID == node) {
			t.Fatalf("%+v: %v", v, err)
		}
		if err == nil && !cmp.Equal(got, v) {
			t.Fatal(cmp.Diff(got, v))
		}
	})
}
