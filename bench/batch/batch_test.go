package main

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/merkle"
	"github.com/hallmark-attest/hallmark/sign"
)

// answersOf makes answers as an honest node with so many clients would: one batch, bound to each client's connection.
func answersOf(t *testing.T, n int) []answer {
	t.Helper()
	key, err := sign.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	out, leaves, owns := make([]answer, n), make([]attest.Digest, n), make([][]byte, n)
	for i := range out {
		channel := attest.Digest{byte(i), 1}
		out[i].challenge, out[i].export = []byte{byte(i)}, channel
		owns[i] = encoded(t, attest.Answer{Channel: &channel})
		leaves[i] = attest.Leaf(out[i].challenge, owns[i])
	}
	tree, paths := merkle.Tree(leaves)
	confirm, err := attest.NewConfirmation(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	b := attest.Bound{Confirmation: confirm, Root: attest.BatchRoot(uint32(n), tree), UEID: attest.UEIDFromKey(attest.Digest{}), Version: []string{"x"}, Class: attest.ClassFast}
	for _, k := range slices.Concat(attest.Built(), attest.Reserved()) {
		b.Absent = append(b.Absent, attest.Absent(string(k), attest.NotBuilt, ""))
	}
	slices.SortFunc(b.Absent, func(x, y attest.Absence) int { return strings.Compare(x.What, y.What) })
	payload := encoded(t, attest.Evidence{Profile: attest.Profile, Bound: encoded(t, b), Roots: encoded(t, map[attest.Kind]any{})})
	evidence, err := sign.Seal(key, attest.TypeEvidence, payload)
	if err != nil {
		t.Fatal(err)
	}
	for i := range out {
		r := encoded(t, attest.Response{Evidence: evidence, Answer: owns[i], Size: uint32(n), Index: uint32(i), Path: paths[i], Logs: map[string]attest.Part{}})
		var mine []byte
		if out[i].head, mine, out[i].tail, err = split(r); err != nil || !slices.Equal(mine, evidence) {
			t.Fatal("the evidence was not found in the response:", err)
		}
		out[i].evidence = evidence
	}
	return out
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	b, err := attest.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCheckRejectsWhatIsLostOrMixedUp(t *testing.T) {
	if err := check(answersOf(t, 3)); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func([]answer){
		"two clients' responses exchanged": func(a []answer) { a[0].tail, a[1].tail = a[1].tail, a[0].tail },
		"another challenge":                func(a []answer) { a[0].challenge = []byte("other") },
		"another connection":               func(a []answer) { a[2].export[0] ^= 1 },
		"one answer twice":                 func(a []answer) { a[1] = a[0] },
		"evidence of another batch":        func(a []answer) { a[1].evidence = answersOf(t, 4)[1].evidence },
		"a flipped bit in the evidence":    func(a []answer) { e := slices.Clone(a[1].evidence); e[len(e)-1] ^= 1; a[1].evidence = e },
		"a tail cut off":                   func(a []answer) { a[1].tail = a[1].tail[:len(a[1].tail)-1] },
	} {
		a := answersOf(t, 3)
		if spoil(a); check(a) == nil {
			t.Errorf("%s: passed", name)
		}
	}
}

func TestCountIsByWholeQuotes(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	var quotes []time.Time
	var answers []answer
	quotes = append(quotes, at(-5)) // an earlier turn's
	for i := range 20 {
		quotes = append(quotes, at(10*(i+1)))
		for range 3 { // three clients, each answered by each quote, a little after it
			answers = append(answers, answer{sent: at(10*i + 2), done: at(10*(i+1) + 1)})
		}
	}
	got, err := count(answers, quotes)
	if err != nil {
		t.Fatal(err)
	}
	if math.Round(got.perSecond) != 300 || got.perQuote != 3 || percentile(got.latency, 99) != 9*time.Millisecond {
		t.Errorf("%v/s, %v a quote, %v", got.perSecond, got.perQuote, percentile(got.latency, 99))
	}
	if _, err := count(answers[:6], quotes[:3]); err == nil {
		t.Error("a turn of three quotes was counted")
	}
}

func TestSplitRefusesWhatIsNoResponse(t *testing.T) {
	for _, b := range [][]byte{nil, {0xa6}, []byte("HTTP/1.1 502 Bad Gateway"), {0xa6, 1, 0x59, 0xff, 0xff, 0}, {0xa6, 1, 0x5a, 0, 0, 0, 1, 0}} {
		if _, _, _, err := split(b); err == nil {
			t.Errorf("%x was split", b)
		}
	}
}
