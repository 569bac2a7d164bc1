package runlog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest/runlog"
)

// fileRegister outlives the process that extends it, as a TPM does; an extension
// happens whole or not at all (rename).
type fileRegister struct{ path string }

func (f fileRegister) load() (*register, error) {
	b, err := os.ReadFile(f.path)
	if err != nil {
		return nil, err
	}
	r := &register{}
	return r, json.Unmarshal(b, &r.banks)
}

func (f fileRegister) store(r *register) error {
	b, err := json.Marshal(r.banks)
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(f.path+".new", f.path)
}

func (f fileRegister) Read(ctx context.Context) (map[uint16][]byte, error) {
	r, err := f.load()
	if err != nil {
		return nil, err
	}
	return r.Read(ctx)
}

func (f fileRegister) Extend(ctx context.Context, d map[uint16][]byte) error {
	r, err := f.load()
	if err != nil {
		return err
	}
	if err := r.Extend(ctx, d); err != nil {
		return err
	}
	return f.store(r)
}

const killMe = "HALLMARK_RUNLOG_KILL" // names the folder of a process that appends until it is killed

func TestMain(m *testing.M) {
	if dir := os.Getenv(killMe); dir != "" {
		fmt.Fprintln(os.Stderr, appendForEver(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func killOptions(dir string) runlog.Options {
	return runlog.Options{Path: dir + "/log", BootID: [16]byte{1}, PCR: 13, Register: fileRegister{dir + "/tpm"}, Clock: time.Now}
}

func appendForEver(dir string) error {
	l, err := runlog.Open(context.Background(), killOptions(dir))
	for err == nil {
		_, err = l.Append(context.Background(), runlog.TypeStart, start.Facts())
	}
	return err
}

// A process killed at any moment leaves a log that the next one goes on with.
func TestKilledWritersLeaveALogThatReplays(t *testing.T) {
	dir := t.TempDir()
	if err := (fileRegister{dir + "/tpm"}).store(newRegister(runlog.SHA256, runlog.SHA1)); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for i := range 12 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killMe+"="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(20+rand.IntN(100)) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatalf("the writer ended by itself: %v", err)
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("the writer was not killed: %v", err)
		}
		l, err := runlog.Open(context.Background(), killOptions(dir))
		if err != nil {
			t.Fatalf("kill %d: %v", i, err)
		}
		l.Close()
		r, err := fileRegister{dir + "/tpm"}.load()
		if err != nil {
			t.Fatal(err)
		}
		n := agree(t, dir+"/log", r)
		if n < seen {
			t.Fatalf("kill %d: %d records, %d before", i, n, seen)
		}
		seen = n
	}
	if seen == 0 {
		t.Error("no writer lived long enough to write")
	}
}
