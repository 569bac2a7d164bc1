package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestMain lets this binary be the process that takes a turn.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "-one" {
		if err := one(context.Background(), os.Args[2], os.Args[3]); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(2)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func small(t *testing.T) *bench {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	b := &bench{opt: options{size: 3<<20 + 5, rounds: 2}, self: self, dir: dir, name: filepath.Join(dir, "weights")}
	if err := b.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryModeTakesItsTurn(t *testing.T) {
	b := small(t)
	sides := []side{b.own("a", "digest"), b.own("b", "digest", noLanes), b.own("c", "read"), b.own("d", "proof")}
	got, err := b.rounds(t.Context(), sides)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sides {
		if len(got[s.name]) != 2 || got[s.name][0].wall <= 0 || got[s.name][0].rss <= 0 {
			t.Errorf("%s: %+v", s.name, got[s.name])
		}
	}
	if err := agree(got, "a", "b"); err != nil {
		t.Error(err)
	}
	if agree(got, "a", "c") == nil || agree(got, "d") == nil {
		t.Error("what is no digest agreed with one")
	}
	if err := b.proof(t.Context()); err != nil || b.below {
		t.Errorf("%v, below %v", err, b.below)
	}
	if _, err := b.own("", "nonsense").take(t.Context()); err == nil {
		t.Error("unknown mode")
	}
}

func TestRatioIsTheMedianOfTheRounds(t *testing.T) {
	turns := func(v ...int) (out []turn) {
		for _, x := range v {
			out = append(out, turn{wall: time.Duration(x) * time.Second})
		}
		return out
	}
	if r, _ := ratio(turns(1, 10, 6), turns(2, 100, 3), wall); r != 0.5 {
		t.Errorf("%v, want 0.5", r)
	}
}

func TestMissedBarIsRemembered(t *testing.T) {
	b := &bench{}
	b.against(map[string][]turn{tool: {{wall: 2, cpu: 2}}, lanes: {{wall: 1, cpu: 1}}}, lanes, 0.5, 0.5, "")
	if b.below {
		t.Error("a bar that is met")
	}
	b.against(map[string][]turn{tool: {{wall: 2, cpu: 2}}, lanes: {{wall: 1, cpu: 1}}}, lanes, 0.5, 0.49, "")
	if !b.below {
		t.Error("a bar that is missed")
	}
}

func TestTreeIsCollectedAgainAndAnAddedFileSeen(t *testing.T) {
	b := small(t)
	b.opt.tree, b.opt.files, b.opt.rounds = 1<<20, 3000, 1
	if err := b.tree(t.Context()); err != nil { // the bar is for trees of real size
		t.Fatal(err)
	}
}
