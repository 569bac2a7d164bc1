package compute

import "github.com/hallmark-attest/hallmark/stats"

// What a bound on a node's speed is made of: times that nobody on the way can shorten. A gateway that keeps an answer back until it is
// whole makes the times between its tokens as short as it likes, and these only longer.
const (
	wholeTokens = 64  // of an answer whose rate counts: shorter ones are mostly waiting
	newTokens   = 256 // of a prompt whose first token counts
	minWhole    = 10  // answers
)

// wholes states e2e_rate, and of answers of one token prefill_ms with the fewest tokens of their prompts.
func wholes(res *stats.Result, answers []Answer) {
	var rates, firsts []float64
	fewest := 0
	for _, x := range answers {
		if x.Text == nil || x.Total <= 0 {
			continue
		}
		if x.Tokens >= wholeTokens {
			rates = append(rates, float64(x.Tokens)/x.Total*1000)
		}
		if x.Tokens == 1 && x.PromptTokens >= newTokens {
			firsts = append(firsts, x.Total)
			if fewest == 0 || x.PromptTokens < fewest {
				fewest = x.PromptTokens
			}
		}
	}
	if len(rates) >= minWhole {
		put(res, "e2e_rate", quantile(rates, .5), nil).N = len(rates)
	}
	if len(firsts) >= minWhole {
		put(res, "prefill_ms", quantile(firsts, .5), nil).N = len(firsts)
		put(res, "prefill_tokens", float64(fewest), nil).N = len(firsts)
	}
}
