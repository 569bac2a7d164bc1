package compute

import "github.com/hallmark-attest/hallmark/stats"

// minAttempts is what a decision takes: of 10 attempts one failure lets nothing be said,
// and 10 that came leave up to 28 % of failures possible.
const minAttempts = 50

// outcomes makes the http-outcomes records: rates with Wilson intervals over all attempts.
func (r *run) outcomes() []*stats.Result {
	var out []*stats.Result
	for _, node := range r.a.Nodes {
		res := r.record(node, stats.HTTPOutcomes, "")
		res.Method.Params = map[string]float64{"error_share": r.ErrorShare}
		out = append(out, res)
		attempts := r.of(node)
		counts := map[stats.Flag]int{}
		failed := 0
		for _, x := range attempts {
			if f := flagOf(x); f != "" {
				counts[f]++
				failed++
			}
		}
		all := rate(res, "error_rate", failed, len(attempts))
		for _, c := range []struct {
			name string
			flag stats.Flag
		}{{"timeout_rate", stats.FlagTimeout}, {"error_500_rate", stats.FlagError500}, {"error_404_rate", stats.FlagError404}, {"error_other_rate", stats.FlagErrorOther}} {
			if w := rate(res, c.name, counts[c.flag], len(attempts)); w != nil && w.CI95[0] > r.ErrorShare && len(attempts) >= minAttempts {
				res.Flags = append(res.Flags, c.flag)
			}
		}
		switch {
		case len(attempts) == 0:
			undecided(res, stats.NotEvaluable, "no attempts")
		case len(attempts) < minAttempts:
			undecided(res, stats.NotEvaluable, "%d attempts: a decision needs %d", len(attempts), minAttempts)
		case all.CI95[0] > r.ErrorShare: // and so wherever one kind alone is
			res.Decision = stats.Outlier
			if len(res.Flags) == 0 {
				res.Reason = "failures of several kinds together: none alone is surely too frequent"
			}
		default:
			res.Decision = stats.Inlier
		}
	}
	return out
}

func rate(res *stats.Result, name string, count, n int) *Rate {
	w, err := Wilson(count, n)
	if err != nil {
		put(res, name, 0, err)
		return nil
	}
	s := put(res, name, w.Value, nil)
	s.CI95, s.N = &w.CI95, n
	return w
}

// flagOf is how an attempt failed, "" for one that did not. error_500 is every status from 500 on: the server's own word that it failed.
func flagOf(x Answer) stats.Flag {
	switch {
	case x.Text != nil:
		return ""
	case x.Timeout:
		return stats.FlagTimeout
	case x.Status >= 500:
		return stats.FlagError500
	case x.Status == 404:
		return stats.FlagError404
	}
	return stats.FlagErrorOther
}
