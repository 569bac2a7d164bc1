package attacker

import (
	"context"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify/client"
)

// selfMadeChallenge gets an answer to a challenge that he made and signed himself, at a time of his choice, and has the
// validator's own recorder write it down: the record's signature is good.
func selfMadeChallenge(ctx context.Context, s *Scene) (Verdict, error) {
	p, err := takeApart(s.Node.Record)
	if err != nil {
		return Verdict{}, err
	}
	c, err := client.New(s.Node.URL, nil)
	if err != nil {
		return Verdict{}, err
	}
	defer c.Close()
	own, err := client.NewChallenge(p.bound.UEID, attest.Built(), time.Now())
	if err != nil {
		return Verdict{}, err
	}
	challenge, err := client.SignChallenge(s.Mallory.Key, own)
	if err != nil {
		return Verdict{}, err
	}
	response, seen, err := c.Challenge(ctx, challenge)
	if err != nil {
		return Verdict{}, err
	}
	record, err := client.SealRecord(s.Validator.Key, challenge, response, seen)
	if err != nil {
		return Verdict{}, err
	}
	return s.judge(record)
}
