package runlog_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/runlog"
)

// A crash leaves the file with any number of the bytes being written, and the
// register before or after the extension, in that order. From each of these states the log goes on.
func TestEveryCrashPointOfAnAppendIsRecovered(t *testing.T) {
	r := newRegister(runlog.SHA256, runlog.SHA384)
	o := options(t, r, 1)
	l := open(t, o)
	states := []*register{r.clone()}
	for i := range 3 {
		appendTo(t, l, runlog.TypeStart, start.Facts())
		states = append(states, r.clone())
		agree(t, o.Path, states[i+1])
	}
	all := file(t, o.Path)
	ends := []int{0}
	for _, rec := range replay(t, runlog.SHA256, all).Records {
		ends = append(ends, rec.End)
	}
	for n := range 3 {
		for cut := ends[n]; cut <= ends[n+1]; cut++ {
			want := n
			if cut == ends[n+1] {
				want++ // whole, not extended: the log does that now
			}
			recovered(t, all[:cut], states[n], want)
		}
		recovered(t, all[:ends[n+1]], states[n+1], n+1)
		for _, junk := range [][]byte{make([]byte, 512), bytes.Repeat([]byte{0xff}, 512), all[:ends[1]-1]} {
			recovered(t, slices.Concat(all[:ends[n]], junk), states[n], n) // what a file system may leave
		}
		recovered(t, slices.Concat(all[:ends[n+1]], make([]byte, 512)), states[n], n+1)
	}
}

// recovered opens a crashed state, expects so many records, and goes on with an event.
func recovered(t *testing.T, content []byte, state *register, want int) {
	t.Helper()
	r := state.clone()
	o := options(t, r, 1)
	write(t, o.Path, content)
	l, err := runlog.Open(context.Background(), o)
	if err != nil {
		t.Fatalf("%d bytes: %v", len(content), err)
	}
	defer l.Close()
	if n := agree(t, o.Path, r); n != want {
		t.Fatalf("%d bytes: %d records, want %d", len(content), n, want)
	}
	appendTo(t, l, runlog.TypeStart, start.Facts())
	if n := agree(t, o.Path, r); n != want+1 {
		t.Fatalf("%d bytes: %d records after another event, want %d", len(content), n, want+1)
	}
}

func TestEveryCrashPointOfARotationIsRecovered(t *testing.T) {
	r := newRegister(runlog.SHA256)
	o := options(t, r, 1)
	fill(t, open(t, o))
	old := file(t, o.Path)
	for name, make := range map[string]func(path string){
		"before the rename":               func(path string) { write(t, path, old) },
		"before the rename, with older":   func(path string) { write(t, path, old); write(t, path+runlog.Previous, old[:10]) },
		"before the rename, torn":         func(path string) { write(t, path, append(bytes.Clone(old), 0, 0)) },
		"between rename and creation":     func(path string) { write(t, path+runlog.Previous, old) },
		"after creation":                  func(path string) { write(t, path, nil); write(t, path+runlog.Previous, old) },
		"first record of the new is torn": func(path string) { write(t, path, old[:20]); write(t, path+runlog.Previous, old) },
	} {
		fresh := newRegister(runlog.SHA256)
		o := options(t, fresh, 2)
		make(o.Path)
		appendTo(t, open(t, o), runlog.TypeStart, start.Facts())
		if n := agree(t, o.Path, fresh); n != 1 {
			t.Errorf("%s: %d records", name, n)
		}
		if kept := file(t, o.Path+runlog.Previous); !bytes.HasPrefix(kept, old) {
			t.Errorf("%s: the log before is not kept", name)
		}
	}
}

func TestAnUnreadableLogOfAnotherBootIsKeptAside(t *testing.T) {
	r := newRegister(runlog.SHA256)
	o := options(t, r, 1)
	garbage := bytes.Repeat([]byte("garbage"), 100)
	write(t, o.Path, garbage)
	appendTo(t, open(t, o), runlog.TypeStart, start.Facts())
	agree(t, o.Path, r)
	if !bytes.Equal(file(t, o.Path+runlog.Previous), garbage) {
		t.Error("not kept")
	}
}

func TestAFileThatCannotBeReadIsNotForeign(t *testing.T) {
	o := options(t, newRegister(runlog.SHA256), 1)
	if err := os.Mkdir(o.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := runlog.Open(context.Background(), o); err == nil || errors.Is(err, runlog.ErrForeign) {
		t.Error(err)
	}
}
