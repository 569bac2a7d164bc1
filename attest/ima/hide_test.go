package ima_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/ima"
)

func hideAll(t testing.TB, part []byte) []byte {
	t.Helper()
	h, err := ima.Hide(part, func(ima.Entry) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHiddenEntriesReplayAndSayNothing(t *testing.T) {
	part := vmList(t)
	before := whole(t, bank256, part)
	secret := func(e ima.Entry) bool { return strings.HasPrefix(e.Path, "/usr/bin/") }
	hidden, err := ima.Hide(part, func(e ima.Entry) bool { return !secret(e) })
	if err != nil || len(hidden) != len(part) {
		t.Fatalf("%d bytes of %d, %v", len(hidden), len(part), err)
	}
	if bytes.Contains(hidden, []byte("/usr/bin/")) {
		t.Error("a hidden path is still there")
	}
	after := whole(t, bank256, hidden)
	count := 0
	for i, e := range after.Entries {
		was := before.Entries[i]
		if e.End != was.End || e.Hidden != secret(was) || e.Hidden && (e.Path != "" || e.Digest.Value != nil || e.Understood) || !e.Hidden && e.Path != was.Path {
			t.Fatalf("entry %d was %+v, is %+v", i, was, e)
		}
		if e.Hidden {
			count++
		}
		if !bytes.Equal(after.At(i+1).Register, before.At(i+1).Register) {
			t.Fatalf("register differs after entry %d", i)
		}
	}
	if count == 0 || after.At(675).Hidden != uint64(count) {
		t.Errorf("%d hidden, counted %d", count, after.At(675).Hidden)
	}
	again, err := ima.Hide(hidden, secret)
	if err != nil || len(again) != len(part) || !bytes.Equal(whole(t, bank256, again).At(675).Register, before.At(675).Register) {
		t.Errorf("hiding the rest: %v", err)
	}
}

func TestHideKeepsWhatItMust(t *testing.T) {
	short := rec(10, "ima-ng", "0123456789") // 48 bytes: no room for a digest
	part := slices.Concat(ng("boot_aggregate"), violation("/v"), short, ng("/secret"), fixed(strings.Repeat("d", 20), strings.Repeat("n", 24)),
		fixed(strings.Repeat("d", 20), strings.Repeat("n", 23)), ng("/cut")[:60])
	hidden := hideAll(t, part)
	if len(hidden) != len(part)-60 {
		t.Errorf("%d bytes of %d: the cut record belongs to no part", len(hidden), len(part))
	}
	l := whole(t, bank256, hidden)
	var got []bool
	for _, e := range l.Entries {
		got = append(got, e.Hidden)
	}
	if want := []bool{false, false, false, true, true, false}; !slices.Equal(got, want) {
		t.Errorf("hidden %v, want %v", got, want)
	}
	if want := whole(t, bank256, part).At(6).Register; !bytes.Equal(l.At(6).Register, want) {
		t.Error("the register differs")
	}
}

func TestHideKeepsWhatWouldExceedTheLimit(t *testing.T) {
	part := rec(10, strings.Repeat("n", 200), strings.Repeat("x", ima.MaxData))
	hidden := hideAll(t, part)
	if !bytes.Equal(hidden, part) {
		t.Error("a record was made that readers refuse")
	}
	whole(t, bank256, hidden)
}

func TestHidePassesNothingOnOfAListItCannotRead(t *testing.T) {
	if h, err := ima.Hide(slices.Concat(ng("/a"), rec(99, "x", "y")), func(ima.Entry) bool { return false }); h != nil || !errors.Is(err, ima.ErrMalformed) {
		t.Errorf("%d bytes, %v", len(h), err)
	}
}

func TestHiddenEntriesAreRefusedInOtherBanks(t *testing.T) {
	hidden := hideAll(t, ng("/secret"))
	for _, b := range []ima.Bank{{Alg: ima.SHA384}, {Alg: ima.SHA384, Padded: true}, {Alg: ima.SHA256, Padded: true}} {
		if _, err := ima.NewReplay(b).Continue(hidden); !errors.Is(err, ima.ErrHidden) {
			t.Errorf("%+v: %v", b, err)
		}
	}
}
