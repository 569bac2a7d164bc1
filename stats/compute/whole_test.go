package compute

import (
	"testing"

	"github.com/hallmark-attest/hallmark/stats"
)

// A gateway that buffers makes the times between tokens nothing and the rates between them anything; what bounds a node must not move.
func TestBufferedAnswersMakeNoNodeFaster(t *testing.T) {
	answers := func(buffered bool) (out []Answer) {
		for i := range 20 {
			x := Answer{Text: new(string), Tokens: 100, TTFT: 50, Total: 1050 + float64(i)}
			if buffered {
				x.TTFT = x.Total - .001
			}
			out = append(out, x)
		}
		return out
	}
	for name, buffered := range map[string]bool{"streamed": false, "buffered": true} {
		var r stats.Result
		wholes(&r, answers(buffered))
		if len(r.Stats) != 1 || r.Stats[0].Name != "e2e_rate" || r.Stats[0].N != 20 || *r.Stats[0].Value < 94 || *r.Stats[0].Value > 95 {
			t.Errorf("%s: %+v", name, r.Stats)
		}
	}
	if fast := timesOf(answers(true)); quantile(fast.rate, .5) < 1e6 {
		t.Errorf("rates between tokens were to show why: %v", quantile(fast.rate, .5))
	}
}

func TestFirstTokenCountsOfLongPromptsAlone(t *testing.T) {
	var list []Answer
	for i := range 20 {
		list = append(list, Answer{Text: new(string), Tokens: 1, PromptTokens: 1000 + i, Total: 300}, Answer{Text: new(string), Tokens: 1, PromptTokens: 10, Total: 3},
			Answer{Text: new(string), Tokens: 63, PromptTokens: 1000, Total: 5}, Answer{Timeout: true, Total: 1, Tokens: 100})
	}
	var r stats.Result
	wholes(&r, list)
	if len(r.Stats) != 2 || *r.Stats[0].Value != 300 || r.Stats[1].Name != "prefill_tokens" || *r.Stats[1].Value != 1000 {
		t.Errorf("%+v", r.Stats)
	}
	var few stats.Result
	wholes(&few, list[:36]) // nine of each
	if len(few.Stats) != 0 {
		t.Errorf("of nine: %+v", few.Stats)
	}
}
