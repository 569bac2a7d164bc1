package history

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/verify"
)

const (
	// MaxKeptLog bounds one log that is kept, bytes: half a million IMA entries.
	MaxKeptLog = 64 << 20
	// Nearest is how many verdicts before and after a record are read: the nearest
	// of the same key counts, and a few may be without quote.
	Nearest = 16

	suffix = ".verdict"
)

// Store is one directory.
type Store struct{ dir string }

// Open uses a directory, which must exist.
func Open(dir string) (*Store, error) {
	st, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("history: %w: make the directory first", err)
	}
	if !st.IsDir() {
		return nil, fmt.Errorf("history: %s is no directory", dir)
	}
	return &Store{dir}, nil
}

func (s *Store) node(u attest.UEID) string { return filepath.Join(s.dir, u.String()) }

// Load returns what is kept of a node around a time (milliseconds since the Unix
// epoch). Verdicts must verify under key.
func (s *Store) Load(u attest.UEID, at uint64, key *ecdsa.PublicKey) (*verify.History, error) {
	h := &verify.History{Logs: map[string][]byte{}}
	names, err := s.around(u, at)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		v, err := readVerdict(filepath.Join(s.node(u), n), u, key)
		if err != nil {
			return nil, err
		}
		h.Verdicts = append(h.Verdicts, *v)
	}
	for _, name := range attest.LogNames() {
		b, err := read(s.logFile(u, name), MaxKeptLog)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		h.Logs[name] = b
	}
	return h, nil
}

// Offsets asks for each log from where the kept one ends.
func (s *Store) Offsets(u attest.UEID, wanted *attest.Logs) (*attest.Logs, error) {
	if wanted == nil {
		return nil, nil
	}
	out := *wanted
	for name, at := range map[string]**uint64{attest.LogBoot: &out.Boot, attest.LogIMA: &out.IMA, attest.LogCEL: &out.CEL} {
		if *at == nil {
			continue
		}
		st, err := os.Stat(s.logFile(u, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		size := uint64(st.Size())
		*at = &size
	}
	return &out, nil
}

func (s *Store) logFile(u attest.UEID, name string) string {
	return filepath.Join(s.node(u), name+".log")
}

// around lists the verdicts nearest to a time by their names, which begin with the time in 16 digits.
func (s *Store) around(u attest.UEID, at uint64) ([]string, error) {
	entries, err := os.ReadDir(s.node(u)) // sorted by name
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			names = append(names, e.Name())
		}
	}
	i, _ := slices.BinarySearch(names, stamp(at))
	return names[max(0, i-Nearest):min(len(names), i+Nearest+1)], nil
}

func fileName(v *attest.Verdict) string { return stamp(v.Sent) + "-" + v.Record.Short() + suffix }

func stamp(ms uint64) string { return fmt.Sprintf("%016d", ms) }

func readVerdict(path string, u attest.UEID, key *ecdsa.PublicKey) (*attest.Verdict, error) {
	b, err := read(path, attest.MaxVerdictSize)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	v, err := openVerdict(b, key)
	if err != nil {
		return nil, fmt.Errorf("history: %s: %w: remove it, or name the validator that wrote it", path, err)
	}
	if filepath.Base(path) != fileName(v) || v.UEID != u {
		return nil, fmt.Errorf("history: %s is another record's verdict: it was renamed or moved: move it back to %s", path, filepath.Join(v.UEID.String(), fileName(v)))
	}
	return v, nil
}

func openVerdict(b []byte, key *ecdsa.PublicKey) (*attest.Verdict, error) {
	msg, err := sign.Open(b, attest.TypeVerdict, attest.MaxVerdictSize)
	if err != nil {
		return nil, err
	}
	payload, err := msg.Verify(key)
	if err != nil {
		return nil, err
	}
	return attest.ParseVerdict(payload)
}

// unverified reads a verdict that this store wrote, to see how old it is; nothing is judged by it.
func unverified(b []byte) (*attest.Verdict, error) {
	msg, err := sign.Open(b, attest.TypeVerdict, attest.MaxVerdictSize)
	if err != nil {
		return nil, err
	}
	return attest.ParseVerdict(msg.Unverified())
}

func read(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s: over %d bytes", path, limit)
	}
	return b, err
}
