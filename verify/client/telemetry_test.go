package client

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/internal/sim/sweeps"
	"github.com/hallmark-attest/hallmark/sign"
)

// keeper is a node's store of one chain, served a page at a time.
type keeper struct {
	t      testing.TB
	doc    []byte
	chunks [][]byte
	ends   []telemetry.Head
	page   int // chunks of one answer
	asked  []attest.TelemetryRequest
	change func(n int, h *telemetry.History)
}

func newKeeper(t testing.TB, minutes int) *keeper {
	g := telemetry.Genesis{Random: attest.Digest{1}, Interval: 1000, Version: "test", Why: "first"}
	doc, err := g.Encode()
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{t: t, doc: doc, page: 2}
	host, at := sweeps.New(1, 1, 9), telemetry.Start(doc)
	for m := range minutes {
		var list []*telemetry.Record
		for i := range 60 {
			list = append(list, host.Next(uint64(m*60+i)*1000))
		}
		c, err := telemetry.NewChunk(at, list)
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		at = c.End()
		k.chunks, k.ends = append(k.chunks, b), append(k.ends, at)
	}
	return k
}

func (k *keeper) serve(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	if r.Method != http.MethodPost || r.URL.Path != "/v1/telemetry" || r.Header.Get("Content-Type") != attest.TypeTelemetry {
		k.t.Errorf("%s %s of type %s", r.Method, r.URL, r.Header.Get("Content-Type"))
	}
	msg, err := sign.Open(b, attest.TypeTelemetry, attest.MaxRequestSize)
	if err != nil {
		k.t.Error(err)
		return
	}
	q, err := attest.ParseTelemetryRequest(msg.Unverified())
	if err != nil {
		k.t.Error(err)
		return
	}
	k.asked = append(k.asked, *q)
	from, to := int(q.First-1)/60, int(q.Last-1)/60+1
	end := min(to, from+k.page)
	h := telemetry.History{Genesis: [][]byte{k.doc}, Chunks: k.chunks[from:end], Trail: []attest.Digest{}, Anchors: []telemetry.Anchor{}, More: end < to}
	if k.change != nil {
		k.change(len(k.asked), &h)
	}
	b, err = attest.Marshal(h)
	if err != nil {
		k.t.Error(err)
		return
	}
	_, _ = w.Write(b)
}

func (k *keeper) fetch(first, last uint64) (*telemetry.History, error) {
	_, c := served(k.t, nil, k.serve)
	return c.History(k.t.Context(), newKey(k.t), attest.UEID{1, 2}, Records{k.ends[len(k.ends)-1], first, last}, nil)
}

func TestHistoryIsAskedForUntilAllIsThere(t *testing.T) {
	k := newKeeper(t, 5)
	h, err := k.fetch(61, 300)
	if err != nil || len(h.Chunks) != 4 || h.More {
		t.Fatalf("%+v, %v", h, err)
	}
	if len(k.asked) != 2 || k.asked[0].First != 61 || k.asked[1].First != 181 || k.asked[1].Last != 300 || k.asked[0].Head != 300 || k.asked[0].Genesis != k.ends[0].Genesis || k.asked[0].Audience != (attest.UEID{1, 2}) || k.asked[0].Nonce == k.asked[1].Nonce {
		t.Errorf("%+v", k.asked)
	}
	b, err := attest.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := telemetry.ParseHistory(b); err != nil {
		t.Error(err)
	}
}

// A node may repeat anchors with each page, and another make up as many as it likes.
func TestAnchorsOfSeveralPagesAreJoined(t *testing.T) {
	k := newKeeper(t, 5)
	k.change = func(n int, h *telemetry.History) {
		for _, end := range k.ends[:2+n] {
			h.Anchors = append(h.Anchors, telemetry.Anchor{Head: end, Attest: []byte{1}, Signature: []byte{2}})
		}
	}
	if h, err := k.fetch(1, 300); err != nil || len(h.Anchors) != 5 || h.Anchors[4].Head != k.ends[4] {
		t.Errorf("%d anchors, %v", len(h.Anchors), err)
	}
	made := uint64(0)
	k.change = func(_ int, h *telemetry.History) {
		for range telemetry.MaxAnchors {
			made++
			h.Anchors = append(h.Anchors, telemetry.Anchor{Head: telemetry.Head{Index: made}, Attest: []byte{1}, Signature: []byte{2}})
		}
	}
	if _, err := k.fetch(1, 300); err == nil || !strings.Contains(err.Error(), "anchors") {
		t.Errorf("%v", err)
	}
}

func TestHistoryThatDoesNotGoOnEnds(t *testing.T) {
	for want, change := range map[string]func(k *keeper) func(int, *telemetry.History){
		"sends nothing": func(*keeper) func(int, *telemetry.History) {
			return func(_ int, h *telemetry.History) { h.Chunks, h.More = [][]byte{}, true }
		},
		"not behind record": func(k *keeper) func(int, *telemetry.History) {
			return func(n int, h *telemetry.History) { h.Chunks, h.More = k.chunks[:1], true }
		},
		"behind the quoted head": func(*keeper) func(int, *telemetry.History) {
			return func(_ int, h *telemetry.History) { h.More = true }
		},
	} {
		k := newKeeper(t, 3)
		k.change = change(k)
		if _, err := k.fetch(1, 180); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestHistoryRefusesWhatIsNone(t *testing.T) {
	_, c := served(t, nil, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0xa0}) })
	head := telemetry.Head{Genesis: attest.Digest{1}, Index: 9}
	if _, err := c.History(t.Context(), newKey(t), attest.UEID{1}, Records{head, 1, 9}, nil); err == nil {
		t.Error("an empty map was taken")
	}
	if _, err := c.History(t.Context(), newKey(t), attest.UEID{1}, Records{head, 5, 4}, nil); err == nil {
		t.Error("asked for nothing")
	}
}
