package stats

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"unicode"
	"unicode/utf8"
)

var (
	nameForm   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// check refuses what the schema refuses, and says why. Numbers are finite: JSON has no others, and Marshal refuses them.
func (r *Result) check() error {
	if r.Schema != Schema {
		return fmt.Errorf("schema %.80q, want %q", r.Schema, Schema)
	}
	m, ok := methods[r.Method.Name]
	if !ok {
		return fmt.Errorf("method.name: unknown method %.80q", r.Method.Name)
	}
	for _, err := range []error{
		text("id", r.ID, true), text("method.version", r.Method.Version, true), r.checkMethod(), r.checkWho(),
		r.checkSample(), r.checkDecision(), r.checkStats(m), r.checkEmbedding(m), r.checkRest(),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Result) checkMethod() error {
	if len(r.Method.Params) > MaxParams {
		return fmt.Errorf("method.params: %d, limit %d", len(r.Method.Params), MaxParams)
	}
	for k := range r.Method.Params {
		if !nameForm.MatchString(k) {
			return fmt.Errorf("method.params: name %.80q: want lower-case letters, digits and _", k)
		}
	}
	if s := r.Method.Seed; s != nil && *s > MaxSeed {
		return fmt.Errorf("method.seed: above %d", uint64(MaxSeed))
	}
	return nil
}

func (r *Result) checkWho() error {
	if !known(r.Reference.Kind, Peers, Anchor, Replay, Golden, None) {
		return fmt.Errorf("reference.kind: unknown kind %.80q", r.Reference.Kind)
	}
	if r.Epoch.EndMS != 0 && r.Epoch.StartMS > r.Epoch.EndMS {
		return errors.New("epoch: starts after its end")
	}
	if max(r.Epoch.StartMS, r.Epoch.EndMS) > MaxSeed {
		return errors.New("epoch: time out of range")
	}
	return errors.Join(
		text("subject.node_id", r.Subject.NodeID, true), text("subject.domain", r.Subject.Domain, false),
		text("subject.model_ref", r.Subject.ModelRef, false), text("subject.endpoint", r.Subject.Endpoint, false),
		text("epoch.id", r.Epoch.ID, true), text("epoch.clock_source", r.Epoch.ClockSource, false),
		text("reference.id", r.Reference.ID, false), digest("reference.model_digest", r.Reference.ModelDigest),
		count("reference.n", r.Reference.N))
}

func (r *Result) checkSample() error {
	s := r.Sample
	if s.Set != "" && !known(s.Set, General, Knowledge) {
		return fmt.Errorf("sample.set: unknown set %.80q", s.Set)
	}
	if s.RepeatsMin > s.Repeats {
		return errors.New("sample.repeats_min: above sample.repeats")
	}
	if len(s.ChallengeIDs) > MaxChallengeIDs {
		return fmt.Errorf("sample.challenge_ids: %d, limit %d", len(s.ChallengeIDs), MaxChallengeIDs)
	}
	for _, id := range s.ChallengeIDs {
		if err := text("sample.challenge_ids", id, true); err != nil {
			return err
		}
	}
	err := errors.Join(count("sample.questions", s.Questions), count("sample.repeats", s.Repeats), count("sample.repeats_min", s.RepeatsMin),
		count("sample.tokens", s.Tokens), text("sample.prompts_commitment", s.PromptsCommitment, false))
	if p := s.Sampling; p != nil {
		err = errors.Join(err, count("sample.sampling.max_tokens", p.MaxTokens), within("sample.sampling.temperature", p.Temperature, 0, 100), within("sample.sampling.top_p", p.TopP, 0, 1))
	}
	return err
}

func (r *Result) checkDecision() error {
	switch r.Decision {
	case Inlier, Outlier:
	case Inconclusive, NotEvaluable, NotRun:
		if r.Reason == "" {
			return fmt.Errorf("reason: missing: a record that decides nothing (%s) says why", r.Decision)
		}
	default:
		return fmt.Errorf("decision: unknown decision %.80q", r.Decision)
	}
	for i, f := range r.Flags {
		if !known(f, Flags()...) || slices.Contains(r.Flags[:i], f) {
			return fmt.Errorf("flags: %.80q is unknown or stands twice", f)
		}
	}
	if (r.PValue != nil || r.QValue != nil) && !known(r.PKind, Permutation, Parametric, EmpiricalNull) {
		return fmt.Errorf("p_kind: a p-value of kind %.80q: want permutation, parametric or empirical_null", r.PKind)
	}
	if r.PValue == nil && r.QValue == nil && r.PKind != "" {
		return errors.New("p_kind: without a p-value")
	}
	return errors.Join(text("reason", r.Reason, false), within("p_value", r.PValue, 0, 1), within("q_value", r.QValue, 0, 1))
}

// text allows printable characters alone: nothing reorders what people read, and each text has one encoding.
func text(what, s string, required bool) error {
	if s == "" && required {
		return fmt.Errorf("%s: missing", what)
	}
	if len(s) > MaxText {
		return fmt.Errorf("%s: %d bytes, limit %d", what, len(s), MaxText)
	}
	for _, c := range s {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return fmt.Errorf("%s: character %U is not printable", what, c)
		}
	}
	return nil
}

func digest(what, s string) error {
	if s != "" && !digestForm.MatchString(s) {
		return fmt.Errorf("%s: want sha256: and 64 hexadecimal digits", what)
	}
	return nil
}

func count(what string, n int) error {
	if n < 0 || n > MaxCount {
		return fmt.Errorf("%s: %d is no count", what, n)
	}
	return nil
}

func within(what string, v *float64, lo, hi float64) error {
	if v != nil && !(*v >= lo && *v <= hi) {
		return fmt.Errorf("%s: %v is not within %v and %v", what, *v, lo, hi)
	}
	return nil
}

// CheckText refuses a text that no record could carry: empty, over limit bytes, not printable.
func CheckText(what, s string, limit int) error {
	if len(s) > limit {
		return fmt.Errorf("%s: %d bytes, limit %d", what, len(s), limit)
	}
	return text(what, s, true)
}

// CheckDigest refuses what is neither empty nor sha256: and 64 hexadecimal digits.
func CheckDigest(what, s string) error { return digest(what, s) }
