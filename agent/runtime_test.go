package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/runlog"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/engine"
)

// registersTPM is a fake TPM that has registers.
type registersTPM struct {
	*fakeTPM
	mu   sync.Mutex
	pcrs map[uint][]byte // SHA-256 bank
}

func newRegistersTPM(t testing.TB) *registersTPM {
	return &registersTPM{fakeTPM: newFakeTPM(t), pcrs: map[uint][]byte{}}
}

func (r *registersTPM) ReadPCR(_ context.Context, pcr uint) (map[uint16][]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pcrs[pcr] == nil {
		r.pcrs[pcr] = make([]byte, 32)
	}
	return map[uint16][]byte{tpm.SHA256: bytes.Clone(r.pcrs[pcr])}, nil
}

func (r *registersTPM) ExtendPCR(ctx context.Context, pcr uint, digests map[uint16][]byte) error {
	if _, err := r.ReadPCR(ctx, pcr); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	d := sha256.Sum256(append(bytes.Clone(r.pcrs[pcr]), digests[tpm.SHA256]...))
	r.pcrs[pcr] = d[:]
	return nil
}

func bootOf(b byte) func() ([16]byte, error) {
	return func() ([16]byte, error) { return [16]byte{b}, nil }
}

// claims are the TPM claims of one answer.
func (n *node) tpmClaims(t *testing.T) *tpm.Claims {
	t.Helper()
	_, bound := n.ask(n.client)
	c, err := tpm.Parse(bound.Submods[attest.KindTPM])
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// replay asks for the runtime log and replays it to the register.
func (n *node) replay(t *testing.T, r *registersTPM, pcr uint) []runlog.Record {
	t.Helper()
	v, _ := r.ReadPCR(t.Context(), pcr) // before the log, which is written ahead: it then holds what the register has
	part := n.logs(t, n.validator, &attest.Logs{CEL: at(0)})[attest.LogCEL]
	if part.Absent != nil {
		t.Fatalf("absent: %+v", part.Absent)
	}
	list, err := runlog.NewReplay(tpm.SHA256, uint8(pcr)).Continue(part.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	records, _, ok := list.LongestPrefix(func(register []byte) bool { return bytes.Equal(register, v[tpm.SHA256]) })
	if !ok {
		t.Fatal("the log does not replay to the register")
	}
	return list.Records[:records]
}

func TestRuntimeLogHoldsEachStartAndItsRegisterStandsInTheClaims(t *testing.T) {
	r, dir := newRegistersTPM(t), t.TempDir()
	start := func() *node {
		return startNode(t, nodeOptions{dir: dir, bootID: bootOf(1), openTPM: func(context.Context) (TPM, error) { return r, nil }, tpm: r.fakeTPM})
	}
	n := start()
	if c := n.tpmClaims(t); c.RuntimeRegister == nil || *c.RuntimeRegister != 13 {
		t.Fatalf("%+v", c)
	}
	first := n.replay(t, r, 13)
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	both := start().replay(t, r, 13)
	if len(first) != 1 || len(both) != 2 || both[1].Event.Type != runlog.TypeStart || both[1].Event.Facts["version"] != "test" {
		t.Errorf("%d, then %d records: %+v", len(first), len(both), both)
	}
	if bytes.Equal(both[0].Event.Facts["evidence_key"].([]byte), both[1].Event.Facts["evidence_key"].([]byte)) {
		t.Error("two starts name one evidence key")
	}
}

func TestForeignRegisterIsAnAbsenceAndTheNodeAnswers(t *testing.T) {
	r := newRegistersTPM(t)
	if err := r.ExtendPCR(t.Context(), 13, map[uint16][]byte{tpm.SHA256: make([]byte, 32)}); err != nil {
		t.Fatal(err)
	}
	before := maps.Clone(r.pcrs)
	n := startNode(t, nodeOptions{bootID: bootOf(1), openTPM: func(context.Context) (TPM, error) { return r, nil }, tpm: r.fakeTPM})
	c := n.tpmClaims(t)
	if c.RuntimeRegister != nil || c.Absent[len(c.Absent)-2].What != tpm.RuntimeRegister || c.Absent[len(c.Absent)-2].Reason != attest.Changed {
		t.Errorf("%+v", c.Absent)
	}
	if part := n.logs(t, n.validator, &attest.Logs{CEL: at(0)})[attest.LogCEL]; part.Absent == nil || part.Absent.Reason != attest.Changed {
		t.Errorf("%+v", part)
	}
	if !bytes.Equal(before[13], r.pcrs[13]) {
		t.Error("somebody else's register was extended")
	}
}

func TestRuntimeLogIsOffWhereItIsConfiguredSo(t *testing.T) {
	r := newRegistersTPM(t)
	n := startNode(t, nodeOptions{bootID: bootOf(1), noRuntime: true, openTPM: func(context.Context) (TPM, error) { return r, nil }, tpm: r.fakeTPM})
	if c := n.tpmClaims(t); c.RuntimeRegister != nil {
		t.Errorf("%+v", c)
	}
	if len(r.pcrs) != 0 {
		t.Error("a register was touched")
	}
	if _, err := os.Stat(filepath.Join(n.config.StateDir, runtimeFile)); err == nil {
		t.Error("a file was made")
	}
}

func TestEngineThatChangesIsRecordedOnce(t *testing.T) {
	exe := engine.FileDigest{SHA256: bytes.Repeat([]byte{1}, 32)}
	claims := &engine.Claims{Engines: []engine.Engine{{Name: "main", Process: &engine.Process{StartTicks: 7, Exe: &exe},
		Models: []engine.Model{{Complete: true, Digest: bytes.Repeat([]byte{9}, 32)}}}}}
	w := NewEngineWatch()
	w.look(claims)
	w.look(claims)
	claims.Engines[0].Models[0].Complete = false
	w.look(claims)
	if len(w.news) != 1 {
		t.Fatalf("%d events of one engine", len(w.news))
	}
	claims.Engines[0].Models[0].Complete, claims.Engines[0].Process.StartTicks = true, 8
	w.look(claims)
	if len(w.news) != 2 {
		t.Fatalf("%d events after a restart", len(w.news))
	}
	r := newRegistersTPM(t)
	n := startNode(t, nodeOptions{bootID: bootOf(1), engines: w, openTPM: func(context.Context) (TPM, error) { return r, nil }, tpm: r.fakeTPM})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if records := n.replay(t, r, 13); len(records) == 3 {
			if f := records[2].Event.Facts; records[2].Event.Type != runlog.TypeEngine || f["engine"] != "main" || f["start_ticks"] != uint64(8) {
				t.Errorf("%+v", records[2].Event)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("not recorded")
		}
	}
}
