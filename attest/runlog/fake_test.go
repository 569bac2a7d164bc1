package runlog_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest/runlog"
)

var hashes = map[uint16]crypto.Hash{runlog.SHA1: crypto.SHA1, runlog.SHA256: crypto.SHA256, runlog.SHA384: crypto.SHA384, runlog.SHA512: crypto.SHA512}

// register is a TPM register in memory: it does what TPM2_PCR_Read and TPM2_PCR_Extend do.
type register struct {
	banks map[uint16][]byte
	// faults of the next calls
	refuse, lose error // lose: the extension happens and its answer is lost
	failRead     int   // which of the next reads fails; 0: none
	extends      int
}

var errTPM = errors.New("TPM hung")

func newRegister(active ...uint16) *register {
	r := &register{banks: map[uint16][]byte{}}
	for _, b := range active {
		r.banks[b] = make([]byte, hashes[b].Size())
	}
	return r
}

func (r *register) Read(context.Context) (map[uint16][]byte, error) {
	if r.failRead > 0 {
		if r.failRead--; r.failRead == 0 {
			return nil, errTPM
		}
	}
	out := map[uint16][]byte{}
	for b, v := range r.banks {
		out[b] = bytes.Clone(v)
	}
	return out, nil
}

func (r *register) Extend(_ context.Context, digests map[uint16][]byte) error {
	if r.refuse != nil {
		err := r.refuse
		r.refuse = nil
		return err
	}
	if len(digests) != len(r.banks) {
		return errors.New("not one digest for each active bank")
	}
	for b, d := range digests {
		h := hashes[b].New()
		h.Write(r.banks[b])
		h.Write(d)
		r.banks[b] = h.Sum(nil)
	}
	r.extends++
	err := r.lose
	r.lose = nil
	return err
}

func (r *register) clone() *register { return &register{banks: maps.Clone(r.banks)} }

func clock() time.Time { return time.UnixMilli(1_700_000_000_000) }

func options(t testing.TB, r runlog.Register, boot byte) runlog.Options {
	t.Helper()
	return runlog.Options{Path: filepath.Join(t.TempDir(), "runtime.cel"), BootID: [16]byte{boot}, PCR: 13, Register: r, Clock: clock}
}

func open(t testing.TB, o runlog.Options) *runlog.Log {
	t.Helper()
	l, err := runlog.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

var start = runlog.Start{Version: "0.3.0", AgentSHA256: bytes.Repeat([]byte{1}, 32), AgentFsverity: bytes.Repeat([]byte{2}, 32), ConfigDigest: [32]byte{3}, EvidenceKey: [32]byte{4}}

func appendTo(t testing.TB, l *runlog.Log, typ runlog.Type, f runlog.Facts) runlog.Record {
	t.Helper()
	r, err := l.Append(context.Background(), typ, f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// three events of which the second is of arbitrary facts.
func fill(t testing.TB, l *runlog.Log) {
	t.Helper()
	appendTo(t, l, runlog.TypeStart, start.Facts())
	appendTo(t, l, runlog.TypeEngine, runlog.Facts{"name": "vllm", "pid": uint64(4711), "executable_sha256": bytes.Repeat([]byte{9}, 32)})
	appendTo(t, l, runlog.TypeStop, runlog.Facts{})
}

func file(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// replay reads a whole log and fails unless it is well-formed.
func replay(t testing.TB, bank uint16, b []byte) *runlog.List {
	t.Helper()
	l, err := runlog.NewReplay(bank, 13).Continue(b)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// agree fails unless the file's records replay to the register in every bank; it returns how many they are.
func agree(t testing.TB, path string, r *register) int {
	t.Helper()
	n := 0
	for bank, value := range r.banks {
		l := replay(t, bank, file(t, path))
		if n = len(l.Records); l.Pending != 0 || !bytes.Equal(l.At(n).Register, value) {
			t.Fatalf("bank %#x: %d records and %d bytes replay to %x, register %x", bank, n, l.Pending, l.At(n).Register, value)
		}
	}
	return n
}
