package stats

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

func (r *Result) checkStats(m method) error {
	if len(r.Stats) > MaxStats {
		return fmt.Errorf("stats: %d, limit %d", len(r.Stats), MaxStats)
	}
	seen := map[string]bool{}
	for _, s := range r.Stats {
		if seen[s.Name] {
			return fmt.Errorf("stats: %q stands twice", s.Name)
		}
		seen[s.Name] = true
		if err := s.check(); err != nil {
			return err
		}
	}
	if r.Threshold != nil && !seen[r.Threshold.Stat] {
		return fmt.Errorf("threshold: on %.80q, which is not among the stats", r.Threshold.Stat)
	}
	if r.Decision == NotRun || len(m.anyOf) == 0 {
		return nil
	}
	if !slices.ContainsFunc(m.anyOf, func(n string) bool { return seen[n] }) {
		return fmt.Errorf("stats: a %s result has one of %s", r.Method.Name, strings.Join(m.anyOf, ", "))
	}
	return nil
}

func (s *Stat) check() error {
	if !nameForm.MatchString(s.Name) {
		return fmt.Errorf("stats: name %.80q: want lower-case letters, digits and _", s.Name)
	}
	what := "stats." + s.Name
	if (s.Value == nil) == (s.NotEvaluable == "") {
		return fmt.Errorf("%s: want a value, or the reason in not_evaluable", what)
	}
	if !known(s.Direction, HighBad, LowBad, TwoSided) {
		return fmt.Errorf("%s: direction %.80q: want high_bad, low_bad or two_sided", what, s.Direction)
	}
	if n, ok := named[s.Name]; ok && (n.unit != s.Unit || n.direction != s.Direction) {
		return fmt.Errorf("%s: unit %.40q and %s: of this name want %q and %s", what, s.Unit, s.Direction, n.unit, n.direction)
	}
	if named[s.Name].sigma {
		if !known(s.Convention, PerDimRMS, TotalRMS) {
			return fmt.Errorf("%s: convention missing: say per_dim_rms or total_rms; they differ by the square root of the dimensions (28 at 768)", what)
		}
		if s.DDof == nil {
			return fmt.Errorf("%s: ddof missing: say whether variances were divided by n (0) or n-1 (1)", what)
		}
	}
	if s.Convention != "" && !known(s.Convention, PerDimRMS, TotalRMS) {
		return fmt.Errorf("%s: convention %.80q: want per_dim_rms or total_rms", what, s.Convention)
	}
	if s.DDof != nil && (*s.DDof < 0 || *s.DDof > 1) {
		return fmt.Errorf("%s: ddof %d: want 0 or 1", what, *s.DDof)
	}
	if s.CI95 != nil && !(s.CI95[0] <= s.CI95[1]) {
		return fmt.Errorf("%s: ci95: its ends are reversed", what)
	}
	return errors.Join(text(what+".unit", s.Unit, true), text(what+".not_evaluable", s.NotEvaluable, false), text(what+".note", s.Note, false), count(what+".n", s.N))
}

// checkEmbedding refuses distances between embeddings that do not say what they
// are distances of: the same two nodes score 5 or 65 on the paper's ratio, depending on n and z.
func (r *Result) checkEmbedding(m method) error {
	e := r.Embedding
	if e != nil {
		if err := errors.Join(text("embedding.embedder", e.Embedder, true), digest("embedding.digest", e.Digest), count("embedding.dimensions", e.Dimensions)); err != nil {
			return err
		}
		if e.Dimensions == 0 {
			return errors.New("embedding.dimensions: missing: the paper's ratio grows with the square root of z")
		}
	}
	if !m.embeds || r.Decision == NotRun {
		return nil
	}
	if e == nil {
		return fmt.Errorf("embedding: missing: distances of %s mean nothing without the embedder's id and its dimensions (z)", r.Method.Name)
	}
	if r.Sample.Questions == 0 || r.Sample.Repeats == 0 {
		if r.Decision != NotEvaluable {
			return errors.New("sample: questions or repeats missing: the noise of a distance is sigma * sqrt(2 z / (n - 1)), n the repeats")
		}
	}
	if m.sigma && !slices.ContainsFunc(r.Stats, func(s Stat) bool { return named[s.Name].sigma }) {
		return fmt.Errorf("stats: no sigma, with its convention and ddof: a %s result states the scatter that its distances are held against", r.Method.Name)
	}
	return nil
}

func (r *Result) checkRest() error {
	err := digest("raw_digest", r.RawDigest)
	if c := r.Calibration; c != nil {
		err = errors.Join(err, text("calibration.id", c.ID, true), within("calibration.fpr", &c.FPR, 0, 1))
		if max(c.FromMS, c.ToMS) > MaxSeed {
			return errors.New("calibration: time out of range")
		}
	}
	if p := r.Publication; p != nil {
		err = errors.Join(err, text("publication.commitment", p.Commitment, true), text("publication.da_ref", p.DARef, false))
		if p.ReleaseAfterMS > MaxSeed {
			return errors.New("publication: time out of range")
		}
	}
	if l := r.Latency; l != nil {
		err = errors.Join(err, digest("latency.samples_digest", l.SamplesDigest))
		for _, s := range []*Summary{l.TTFT, l.ITL, l.TokensPerSecond} {
			if s != nil && (s.N < 1 || s.N > MaxCount || s.P50 < 0 || s.P95 < 0) {
				return errors.New("latency: a summary of no values, or a negative one")
			}
		}
	}
	return err
}
