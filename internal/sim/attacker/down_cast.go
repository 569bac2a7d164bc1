package attacker

import (
	"context"
	"errors"

	"github.com/hallmark-attest/hallmark/verify"
)

// downCast saves the model again in 8 bits under the enrolled path and goes on declaring bf16. A validator with a reference
// of the model sees other files, whatever they hold; this one has none, so only the headers of the files can contradict.
func downCast(ctx context.Context, s *Scene) (v Verdict, err error) {
	defer func() { err = errors.Join(err, s.Engine.Honest(ctx)) }()
	stranger := *s.Validator
	stranger.Refs = &verify.References{}
	if err := stranger.Refs.Add(s.Validator.Programs, &s.Validator.Key.PublicKey); err != nil {
		return Verdict{}, err
	}
	honest, err := stranger.Judge(s.Node.Record, s.Node.File)
	if err != nil {
		return Verdict{}, err
	}
	if !honest.Accepted {
		return Verdict{}, errors.New("the honest node is refused without a reference of its model: nothing would follow")
	}
	if err := s.Engine.DownCast(ctx); err != nil {
		return Verdict{}, err
	}
	_, _, r, err := stranger.AskMeasured(ctx, s.Node.URL, s.Node.File)
	if err != nil {
		return Verdict{}, err
	}
	return VerdictOf(r), nil
}
