package recorder_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/attest/telemetry/store"
)

const (
	killDir    = "HALLMARK_TEST_KILL_DIR"
	killRounds = "HALLMARK_KILLS" // how often; default 20, `make soak` 1000
	killMinute = 400 * time.Millisecond
)

// TestMain is also the process that is killed: it records, and tells what it would have quoted.
func TestMain(m *testing.M) {
	dir := os.Getenv(killDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	o := options(dir, newGPUs(1))
	o.Interval, o.Minute, o.Memory = 5*time.Millisecond, killMinute, time.Minute
	r := recorder.New(o)
	go r.Run(context.Background(), attest.UEID{1, 2})
	for {
		if c, err := r.Claims(); err == nil && c.Index > 0 {
			fmt.Printf("%s %d %s %d %d\n", c.Head().Genesis, c.Index, c.Hash, c.StoredTo, c.Uptime)
		}
		time.Sleep(3 * time.Millisecond)
	}
}

// quote is one line of the killed process.
type quote struct {
	head             telemetry.Head
	stored, uptimeMS uint64
}

// TestKilledAtAnyMoment: at most the open minute is lost, nothing that was stated as
// stored is, no chain fails to verify, and no head is ever contradicted.
func TestKilledAtAnyMoment(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv(killRounds))
	if err != nil {
		rounds = 20
	}
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	said := map[attest.Digest][]quote{}
	var ended []attest.Digest // chains that said anything, in order
	for range rounds {
		quotes := killed(t, dir, time.Duration(random.IntN(1200))*time.Millisecond)
		if len(quotes) > 0 {
			id := quotes[0].head.Genesis
			said[id], ended = quotes, append(ended, id)
		}
	}
	s, found, err := store.Open(dir, attest.UEID{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(found.Cut)+len(found.Skipped) > 0 {
		t.Errorf("cut %v, skipped %v", found.Cut, found.Skipped)
	}
	lostMost := uint64(0)
	for _, id := range ended {
		heads, times := stored(t, s, id)
		for _, q := range said[id] {
			if h, ok := heads[q.head.Index]; ok && h != q.head {
				t.Fatalf("head %d of chain %s is on disk with another hash than it was quoted with", q.head.Index, id.Short())
			}
		}
		last := said[id][len(said[id])-1]
		end := uint64(len(heads))
		if end < last.stored {
			t.Fatalf("chain %s: %d was stated as stored, the disk has %d", id.Short(), last.stored, end)
		}
		if last.head.Index > end {
			lostMost = max(lostMost, last.uptimeMS-max(times[end], said[id][0].uptimeMS))
		}
		if next, ok := s.Successor(id); ok {
			g, err := telemetry.ParseGenesis(s.Documents(next, 1)[0])
			if err != nil {
				t.Fatal(err)
			}
			if g.Previous.Index != end || end > 0 && *g.Previous != heads[end] {
				t.Errorf("the chain behind %s names %d, the disk has %d", id.Short(), g.Previous.Index, end)
			}
		}
	}
	t.Logf("%d kills, %d chains that were quoted from; lost at most %d ms where a minute has %d", rounds, len(ended), lostMost, killMinute.Milliseconds())
	// The open minute, and the closed one whose sync had not returned: disks take a while.
	if lostMost > uint64(killMinute.Milliseconds())+1000 {
		t.Errorf("lost %d ms", lostMost)
	}
}

// killed runs the process for a while and kills it.
func killed(t *testing.T, dir string, after time.Duration) (quotes []quote) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(after+30*time.Millisecond, func() { cmd.Process.Kill() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var q quote
		var genesis, hash []byte // %x reads what Digest.String writes
		if n, _ := fmt.Sscanf(lines.Text(), "%x %d %x %d %d", &genesis, &q.head.Index, &hash, &q.stored, &q.uptimeMS); n == 5 && len(hash) == 32 {
			q.head.Genesis, q.head.Hash = attest.Digest(genesis), attest.Digest(hash)
			quotes = append(quotes, q)
		}
	}
	_ = cmd.Wait() // it was killed
	return quotes
}

// stored verifies a chain as it is on disk, from its first record on.
func stored(t *testing.T, s *store.Store, id attest.Digest) (heads map[uint64]telemetry.Head, uptimes map[uint64]uint64) {
	t.Helper()
	heads, uptimes = map[uint64]telemetry.Head{}, map[uint64]uint64{}
	docs := s.Documents(id, 1)
	if len(docs) != 1 {
		t.Fatalf("chain %s was quoted and has no genesis document on disk", id.Short())
	}
	at := telemetry.Start(docs[0])
	for {
		chunks, err := s.Chunks(id, at.Index+1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(chunks) == 0 {
			return heads, uptimes
		}
		for _, b := range chunks {
			c, err := telemetry.ParseChunk(b)
			if err != nil {
				t.Fatal(err)
			}
			if c.Begin() != at {
				t.Fatalf("chunk %d of %s does not continue", c.First, id.Short())
			}
			list, hs, err := c.Verify()
			if err != nil {
				t.Fatal(err)
			}
			for i, h := range hs {
				heads[h.Index], uptimes[h.Index] = h, list[i].Uptime
			}
			at = c.End()
		}
	}
}
