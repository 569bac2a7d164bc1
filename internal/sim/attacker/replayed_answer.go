package attacker

import (
	"context"
	"net/http"

	"github.com/hallmark-attest/hallmark/attest"
)

// replayedAnswer keeps a response that was accepted once and gives it to everyone who asks.
func replayedAnswer(ctx context.Context, s *Scene) (Verdict, error) {
	old, err := takeApart(s.Node.Record)
	if err != nil {
		return Verdict{}, err
	}
	m, err := newMiddle()
	if err != nil {
		return Verdict{}, err
	}
	m.challenges = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", attest.TypeResponse)
		_, _ = w.Write(old.record.Response)
	})
	return m.between(s.Node.URL, func(url string) (Verdict, error) {
		return s.Validator.challengeAndJudge(ctx, url, s.Node.File)
	})
}
