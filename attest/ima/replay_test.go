package ima_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/ima"
)

var bank256 = ima.Bank{Alg: ima.SHA256}

func extend(register []byte, digest [32]byte) []byte {
	h := sha256.Sum256(append(bytes.Clone(register), digest[:]...))
	return h[:]
}

func TestReplayContinuesWhereAPartEnds(t *testing.T) {
	part := slices.Concat(ng("/a"), violation("/b"), rec(10, "foreign", "anything"), rec(11, "ima-ng", fields(dng("x"), "/x\x00")), fixed(strings.Repeat("d", 20), "/c"), ng("/d"))
	want := whole(t, bank256, part).At(6)
	if want.Bytes != uint64(len(part)) || want.Entries != 6 || want.Violations != 1 || want.Opaque != 1 || want.Elsewhere != 1 {
		t.Fatalf("state %+v", want)
	}
	for cut := range part {
		first := whole(t, bank256, part[:cut])
		middle := first.At(len(first.Entries))
		if int(middle.Bytes)+first.Pending != cut {
			t.Fatalf("cut at %d: %d consumed, %d pending", cut, middle.Bytes, first.Pending)
		}
		second, err := middle.Continue(part[middle.Bytes:])
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		got := second.At(len(second.Entries))
		if !bytes.Equal(got.Register, want.Register) || got.Bytes != want.Bytes || got.Entries != want.Entries || got.Opaque != want.Opaque {
			t.Fatalf("cut at %d: %+v, want %+v", cut, got, want)
		}
	}
}

func TestReplayExtendsAsTheKernelDoes(t *testing.T) {
	data := fields(dng("a"), "/a\x00")
	ones := [32]byte(bytes.Repeat([]byte{0xff}, 32))
	name := "/sbin/init"
	padded := sha256.Sum256([]byte(strings.Repeat("d", 20) + name + strings.Repeat("\x00", 256-len(name))))
	register := make([]byte, 32)
	register = extend(register, sha256.Sum256([]byte(data)))
	register = extend(register, ones)
	register = extend(register, padded)
	part := slices.Concat(rec(10, "ima-ng", data), violation("/v"), rec(12, "ima-ng", data), fixed(strings.Repeat("d", 20), name))
	l := whole(t, bank256, part)
	if got := l.At(4).Register; !bytes.Equal(got, register) {
		t.Errorf("register %x, want %x", got, register)
	}
	if e := l.Entries[3]; !e.Understood || e.Path != name || e.Digest.Alg != "sha1" || string(e.Digest.Value) != strings.Repeat("d", 20) {
		t.Errorf("template ima: %+v", e)
	}
}

func TestLongestPrefixIsTheLongest(t *testing.T) {
	elsewhere := rec(11, "ima-ng", fields(dng("x"), "/x\x00"))
	part := slices.Concat(ng("/a"), ng("/b"), elsewhere, elsewhere, ng("/c"), elsewhere)
	l := whole(t, bank256, part)
	for n, want := range map[int]int{0: 0, 1: 1, 2: 4, 3: 4, 4: 4, 5: 6, 6: 6} {
		calls := 0
		register := l.At(n).Register
		got, size, ok := l.LongestPrefix(func(r []byte) bool { calls++; return bytes.Equal(r, register) })
		if !ok || got != want || uint64(size) != l.At(want).Bytes {
			t.Errorf("register after %d: prefix %d, %d bytes, %v; want %d", n, got, size, ok, want)
		}
		if calls > 4 {
			t.Errorf("register after %d: %d calls for 4 values", n, calls)
		}
	}
	if _, _, ok := l.LongestPrefix(func([]byte) bool { return false }); ok {
		t.Error("a prefix without a match")
	}
	l = whole(t, bank256, nil)
	if n, size, ok := l.LongestPrefix(equals(make([]byte, 32))); !ok || n != 0 || size != 0 {
		t.Errorf("empty list at a zero register: %d, %d, %v", n, size, ok)
	}
}

func TestContinueRejects(t *testing.T) {
	good := ng("/good")
	flip := func(b []byte, at int) []byte { b = bytes.Clone(b); b[at] ^= 1; return b }
	bigEndian := func() []byte {
		b := bytes.Clone(good)
		binary.BigEndian.PutUint32(b, 10)
		return b
	}
	long := append(u32(10), bytes.Repeat([]byte{1}, 20)...)
	hidden := func(hash []byte, data string) []byte { return raw(10, hash, "hallmark-digest", data) }
	one := bytes.Repeat([]byte{1}, 20)
	for _, c := range []struct {
		name string
		bad  []byte
		want error
	}{
		{"changed data", flip(good, len(good)-2), ima.ErrMalformed},
		{"changed template hash", flip(good, 4), ima.ErrMalformed},
		{"big-endian", bigEndian(), ima.ErrMalformed},
		{"PCR 24", rec(24, "ima-ng", "x"), ima.ErrMalformed},
		{"no template name", rec(10, "", "x"), ima.ErrMalformed},
		{"long template name", append(bytes.Clone(long), u32(ima.MaxName+1)...), ima.ErrLimit},
		{"long data", append(append(append(bytes.Clone(long), u32(1)...), 'x'), u32(ima.MaxData+1)...), ima.ErrLimit},
		{"template ima with a name that its hash does not cover", append(append(append(bytes.Clone(long), u32(3)...), "ima"...), append(one, u32(256)...)...), ima.ErrMalformed},
		{"hidden entry below a digest", hidden(one, strings.Repeat("d", 31)), ima.ErrMalformed},
		{"hidden entry with a message", hidden(one, strings.Repeat("d", 33)), ima.ErrMalformed},
		{"hidden violation", hidden(make([]byte, 20), strings.Repeat("d", 32)), ima.ErrMalformed},
	} {
		l, err := ima.NewReplay(bank256).Continue(slices.Concat(good, c.bad))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if len(l.Entries) != 1 || l.Entries[0].Path != "/good" || l.Pending != len(c.bad) {
			t.Errorf("%s: the entry before is lost: %d entries, %d pending", c.name, len(l.Entries), l.Pending)
		}
	}
}

func TestContinueRejectsTooManyEntries(t *testing.T) {
	one := rec(10, "x", "")
	part := bytes.Repeat(one, ima.MaxEntries+1)
	l, err := ima.NewReplay(bank256).Continue(part)
	if !errors.Is(err, ima.ErrLimit) || len(l.Entries) != ima.MaxEntries {
		t.Errorf("%d entries, %v", len(l.Entries), err)
	}
	if _, err := ima.NewReplay(bank256).Continue(part[len(one):]); err != nil {
		t.Error(err)
	}
}

// A long list is read in stretches of MaxEntries. Entries keep what they are in, not all that follows.
func TestContinueCopiesOnlyWhatItReads(t *testing.T) {
	part := bytes.Repeat(rec(10, "x", ""), 4*ima.MaxEntries)
	allocated := func(part []byte) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		l, _ := ima.NewReplay(bank256).Continue(part)
		runtime.ReadMemStats(&after)
		if len(l.Entries) != ima.MaxEntries {
			t.Fatalf("%d entries", len(l.Entries))
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	one := allocated(part[:len(part)/4])
	if all := allocated(part); all > one+one/20 {
		t.Errorf("%d bytes for the first stretch of four, %d where there is but one", all, one)
	}
}

func TestContinueRejectsForeignStates(t *testing.T) {
	for _, r := range []ima.Replay{{}, {Bank: ima.Bank{Alg: 4}, Register: make([]byte, 20)}, {Bank: bank256, Register: make([]byte, 48)}, {Bank: bank256}} {
		if _, err := r.Continue(ng("/a")); !errors.Is(err, ima.ErrBank) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestContinueLeavesItsStateAlone(t *testing.T) {
	r := ima.NewReplay(bank256)
	l, err := r.Continue(ng("/a"))
	if err != nil {
		t.Fatal(err)
	}
	after := l.At(1)
	after.Register[0] ^= 1
	if !bytes.Equal(r.Register, make([]byte, 32)) || bytes.Equal(after.Register, l.At(1).Register) {
		t.Error("states share their register")
	}
}
