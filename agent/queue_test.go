package agent

import (
	"context"
	"slices"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

func keyOf(i int) attest.Digest { return attest.Digest{byte(i >> 8), byte(i), 1} }

// asks makes a challenge by a key that waits; its leaf says which one it is.
func asks(t *testing.T, key attest.Digest, leaf byte) *queued {
	return &queued{ctx: t.Context(), class: attest.ClassFast, key: key, leaf: attest.Digest{leaf}, out: make(chan batchResult, 1)}
}

// leavesOf names a batch by its leaves.
func leavesOf(batch []*queued) string {
	var b []byte
	for _, q := range batch {
		b = append(b, q.leaf[0])
	}
	return string(b)
}

func TestKeysTakeTurnsInAndAcrossBatches(t *testing.T) {
	s := newQueue(100, 100)
	a, b, c := keyOf(1), keyOf(2), keyOf(3)
	for _, leaf := range []byte("12345678") {
		if err := s.add(asks(t, a, leaf)); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []*queued{asks(t, b, 'b'), asks(t, c, 'c'), asks(t, b, 'B'), asks(t, unlistedKey, 'u'), asks(t, unlistedKey, 'U')} {
		if err := s.add(q); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"1bcu2", "BU345", "678", ""} {
		if got := leavesOf(s.take(attest.ClassFast, 5)); got != want {
			t.Errorf("batch %q, want %q", got, want)
		}
	}
	if s.count != 0 || len(s.perKey) != 0 {
		t.Errorf("%d left, of %d keys", s.count, len(s.perKey))
	}
}

func TestOneValidatorsFloodLeavesPlacesInQueueAndBatchForOthers(t *testing.T) {
	s := newQueue(64, 16)
	flood := keyOf(1)
	refused := 0
	for range 200 {
		if err := s.add(asks(t, flood, 'f')); err != nil {
			if r := asRefusal(err); r.Name != attest.ProblemRate || r.Retry <= 0 {
				t.Fatal(err)
			}
			refused++
		}
	}
	if refused != 200-16 {
		t.Errorf("%d refused, want all but its share of 16", refused)
	}
	for i := range 48 {
		if err := s.add(asks(t, keyOf(10+i), 'o')); err != nil {
			t.Fatalf("another validator, %d: %v", i, err)
		}
	}
	if err := s.add(asks(t, keyOf(99), 'o')); asRefusal(err).Name != attest.ProblemRate {
		t.Error("a full queue took one more:", err)
	}
	batch := leavesOf(s.take(attest.ClassFast, 49))
	if n := len(slices.DeleteFunc([]byte(batch), func(b byte) bool { return b == 'o' })); n != 1 || len(batch) != 49 {
		t.Errorf("%d of %d in the batch are the flood's, want 1 of 49", n, len(batch))
	}
}

func TestUnlistedKeysShareHalfOfTheQueue(t *testing.T) {
	s := newQueue(4, 4)
	for i, c := range []struct {
		key attest.Digest
		ok  bool
	}{{unlistedKey, true}, {unlistedKey, true}, {unlistedKey, false}, {keyOf(1), true}, {keyOf(2), true}, {keyOf(3), false}} {
		if err := s.add(asks(t, c.key, 0)); (err == nil) != c.ok || (err != nil && asRefusal(err).Name != attest.ProblemRate) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestWhoGoesAwayGivesBackPlaceAndTurn(t *testing.T) {
	s := newQueue(10, 2)
	a1, a2, b := asks(t, keyOf(1), '1'), asks(t, keyOf(1), '2'), asks(t, keyOf(2), 'b')
	for _, q := range []*queued{a1, a2, b} {
		if err := s.add(q); err != nil {
			t.Fatal(err)
		}
	}
	s.remove(a1)
	s.remove(a1) // no longer there
	if err := s.add(asks(t, keyOf(1), '3')); err != nil {
		t.Error("the place is not free:", err)
	}
	s.remove(b)
	gone, cancel := context.WithCancel(t.Context())
	last := asks(t, keyOf(2), 'g')
	last.ctx = gone
	if err := s.add(last); err != nil {
		t.Fatal(err)
	}
	cancel()
	if got := leavesOf(s.take(attest.ClassFast, 9)); got != "23" {
		t.Errorf("batch %q, want those who are there", got)
	}
	if s.count != 0 || len(s.perKey) != 0 || len(s.lanes[attest.ClassFast].of) != 0 || len(s.lanes[attest.ClassFast].turns) != 0 {
		t.Error("something is left")
	}
}
