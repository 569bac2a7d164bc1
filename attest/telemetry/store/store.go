package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// ErrLocked says that another process keeps its chains in the folder.
var ErrLocked = errors.New("another agent keeps its telemetry there")

// Store is the folder, locked for this process. It is safe for concurrent use.
type Store struct {
	dir  string
	lock *os.File

	mu     sync.Mutex
	chains []*chain // by ordinal; the last may be the one that is written
}

// chain is what is known of one chain's folder.
type chain struct {
	name    string
	genesis attest.Digest
	doc     []byte
	ordinal uint64
	bootID  [16]byte
	// previous is the chain that doc names, zeros where it names none: read once, since a
	// window over many starts of an agent asks for each chain which of all comes behind it.
	previous attest.Digest
	chunks   []stored // by first record
	anchors  []uint64 // by record
}

func newChain(name string, doc []byte, g *telemetry.Genesis) *chain {
	c := &chain{name: name, genesis: telemetry.Start(doc).Genesis, doc: doc, ordinal: g.Ordinal, bootID: g.BootID}
	if g.Previous != nil {
		c.previous = g.Previous.Genesis
	}
	return c
}

// stored is one chunk file.
type stored struct {
	first uint64
	size  int64
}

// Found is what the folder held when it was opened.
type Found struct {
	Previous *telemetry.Head // the newest chain, as far as it is on disk and verifies
	Ordinal  uint64          // of that chain
	Cut      []string        // chunks that did not verify and were set aside
	Skipped  []string        // folders that hold no chain, or one of another node
}

// Open locks the folder, makes it where it is missing, and reads what it holds. Chains
// of another node than ueid are left alone and not continued: a copied disk. A zero
// ueid, of this node or in a chain, fits any.
func Open(dir string, ueid attest.UEID) (*Store, *Found, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("telemetry store: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("telemetry store: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrLocked
		}
		return nil, nil, fmt.Errorf("telemetry store: %w", err)
	}
	s := &Store{dir: dir, lock: lock}
	found, err := s.read(ueid)
	if err != nil {
		lock.Close()
		return nil, nil, err
	}
	return s, found, nil
}

// Close gives the folder up.
func (s *Store) Close() error { return s.lock.Close() }

// Begin writes a chain's genesis document. Chunks that are put belong to it.
func (s *Store) Begin(doc []byte) error {
	g, err := telemetry.ParseGenesis(doc)
	if err != nil {
		return err
	}
	id := telemetry.Start(doc).Genesis
	c := newChain(fmt.Sprintf("%08d-%x", g.Ordinal, id[:8]), doc, g)
	folder := filepath.Join(s.dir, c.name)
	err = os.Mkdir(folder, 0o700)
	if errors.Is(err, fs.ErrExist) {
		err = nil // a first try got so far
	}
	if err == nil {
		err = write(filepath.Join(folder, genesisFile), doc)
	}
	if err == nil {
		err = syncDir(s.dir)
	}
	if err != nil {
		return fmt.Errorf("telemetry store: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.chains); n == 0 || s.chains[n-1].genesis != id {
		s.chains = append(s.chains, c)
	}
	return nil
}

// Put writes a chunk of the chain that was begun last.
func (s *Store) Put(first uint64, chunk []byte) error {
	c, path, err := s.place(first, ".chunk")
	if err != nil {
		return err
	}
	if err := write(path, chunk); err != nil {
		return fmt.Errorf("telemetry store: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.chunks = append(c.chunks, stored{first, int64(len(chunk))})
	return nil
}

// PutAnchor writes an anchor of the chain that was begun last.
func (s *Store) PutAnchor(a *telemetry.Anchor) error {
	c, path, err := s.place(a.Head.Index, ".anchor")
	if err != nil {
		return err
	}
	if a.Head.Genesis != c.genesis {
		return errors.New("telemetry store: anchor of another chain")
	}
	b, err := attest.Marshal(a)
	if err != nil {
		return fmt.Errorf("telemetry store: %w", err)
	}
	if err := write(path, b); err != nil {
		return fmt.Errorf("telemetry store: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.anchors = append(c.anchors, a.Head.Index)
	return nil
}

// place is where a file of the newest chain stands.
func (s *Store) place(index uint64, suffix string) (*chain, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.chains) == 0 {
		return nil, "", errors.New("telemetry store: no chain was begun")
	}
	c := s.chains[len(s.chains)-1]
	return c, filepath.Join(s.dir, c.name, fileName(index, suffix)), nil
}

const genesisFile = "genesis"

func fileName(index uint64, suffix string) string { return fmt.Sprintf("%012d%s", index, suffix) }
