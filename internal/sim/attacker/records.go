package attacker

import (
	"bytes"
	"context"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/client"
)

// editedRecord changes a byte in the file that the validator keeps: the last of the response, just before the signature.
func editedRecord(_ context.Context, s *Scene) (Verdict, error) {
	p, err := takeApart(s.Node.Record)
	if err != nil {
		return Verdict{}, err
	}
	record := bytes.Clone(s.Node.Record)
	end := bytes.Index(record, p.record.Response) + len(p.record.Response)
	record[end-1] ^= 1
	return s.judge(record)
}

// foreignRecord asks the honest node with a key that its operator listed for the purpose, and presents the record that he
// signed himself: times, TLS key and exporter in it are his word.
func foreignRecord(ctx context.Context, s *Scene) (Verdict, error) {
	p, err := takeApart(s.Node.Record)
	if err != nil {
		return Verdict{}, err
	}
	record, _, err := ask(ctx, s.Node.URL, s.Mallory.Key, p.bound.UEID)
	if err != nil {
		return Verdict{}, err
	}
	return s.judge(record)
}

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

// staleRecord shows an honest record a day later to a validator that asks for five minutes.
func staleRecord(_ context.Context, s *Scene) (Verdict, error) {
	return s.judgeAs(true, verify.Options{At: time.Now().Add(24 * time.Hour), MaxAge: 5 * time.Minute, Asked: verify.TierCommunity})
}

// demoRoots shows the honest node's record, good in everything else, to a validator that did not say "unsafe".
func demoRoots(_ context.Context, s *Scene) (Verdict, error) {
	return s.judgeAs(false, verify.Options{At: time.Now(), Asked: verify.TierCommunity})
}

func (s *Scene) judgeAs(demoRootsUnsafe bool, o verify.Options) (Verdict, error) {
	r, err := s.Validator.JudgeWith(s.Node.Record, verify.Endorsements{Validator: &s.Validator.Key.PublicKey, Node: s.Node.File,
		AcceptDemoRootsUnsafe: demoRootsUnsafe}, o)
	if err != nil {
		return Verdict{}, err
	}
	return VerdictOf(r), nil
}

func (s *Scene) judge(record []byte) (Verdict, error) {
	r, err := s.Validator.Judge(record, s.Node.File)
	if err != nil {
		return Verdict{}, err
	}
	return VerdictOf(r), nil
}
