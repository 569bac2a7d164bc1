package attacker

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/client"
	"github.com/hallmark-attest/hallmark/verify/enroller"
)

// Validator is whom the attackers try to deceive: what `hallmark enroll`, `challenge` and `verify` do, in one process.
type Validator struct {
	Key   *ecdsa.PrivateKey
	Roots *enroll.Roots // of the demonstration's authority
	Refs  *verify.References
	// Programs is a reference file of programs alone: what a validator has who does not know the model.
	Programs []byte
}

// Verdict is how one attempt ended.
type Verdict struct {
	Accepted bool
	Tier     verify.Tier // reached
	Finding  string      // the one that decided; "" where nothing speaks against the node
	Check    string      // the predicate that spoke
	Sentence string
}

// Enroll plays the privacy CA for the node at url, trusting roots as a demonstration's. The verdict is set where the node was judged and refused.
func (v *Validator) Enroll(ctx context.Context, url string, roots *enroll.Roots) (nodeFile []byte, refused *Verdict, err error) {
	return v.enroll(ctx, url, roots, verify.TDEndorsements{})
}

func (v *Validator) enroll(ctx context.Context, url string, roots *enroll.Roots, td verify.TDEndorsements) (nodeFile []byte, refused *Verdict, err error) {
	c, err := client.New(url, nil)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	n, err := enroller.Enroll(ctx, c, v.Key, enroller.Options{Roots: roots, RootsAreDemoUnsafe: true, TD: td})
	var refusal *enroller.Refusal
	if errors.As(err, &refusal) {
		return nil, &Verdict{Tier: verify.TierNone, Finding: refusal.Entry.ID, Check: refusal.Entry.Stage, Sentence: refusal.Entry.Sentence}, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("enrol: %w", err)
	}
	nodeFile, err = verify.MarshalNode(v.Key, *n)
	return nodeFile, nil, err
}

// Ask challenges the node at url under the name of node.json and returns the record and the challenge as stored.
// blocks of weights are asked for if named.
func (v *Validator) Ask(ctx context.Context, url string, nodeFile []byte, blocks ...attest.BlockRequest) (record, challenge []byte, err error) {
	return v.Question(ctx, url, nodeFile, client.Question{Kinds: attest.Built(), Logs: client.WholeLogs(), Blocks: blocks})
}

// Question is Ask with a question of the caller's own.
func (v *Validator) Question(ctx context.Context, url string, nodeFile []byte, q client.Question) (record, challenge []byte, err error) {
	n, err := verify.OpenNode(nodeFile)
	if err != nil {
		return nil, nil, err
	}
	return ask(ctx, url, v.Key, n.Node.UEID, q)
}

func ask(ctx context.Context, url string, key *ecdsa.PrivateKey, ueid attest.UEID, q client.Question) (record, challenge []byte, err error) {
	c, err := client.New(url, nil)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	record, challenge, err = c.Ask(ctx, key, ueid, q)
	if err != nil {
		return nil, nil, fmt.Errorf("challenge: %w", err)
	}
	return record, challenge, nil
}

// Judge verifies a record at tier verified, demonstration roots accepted, now.
func (v *Validator) Judge(record, nodeFile []byte) (*verify.Result, error) {
	return v.JudgeWith(record, verify.Endorsements{Validator: &v.Key.PublicKey, Node: nodeFile, AcceptDemoRootsUnsafe: true},
		verify.Options{At: time.Now(), Asked: verify.TierVerified})
}

// JudgeWith verifies a record under other endorsements and options.
func (v *Validator) JudgeWith(record []byte, e verify.Endorsements, o verify.Options) (*verify.Result, error) {
	policy, err := verify.DefaultPolicy()
	if err != nil {
		return nil, err
	}
	ver, err := verify.New(e, v.Refs, policy)
	if err != nil {
		return nil, err
	}
	return ver.Verify(record, o)
}

// VerdictOf takes from a result what decided.
func VerdictOf(r *verify.Result) Verdict {
	v := Verdict{Accepted: r.Accepted, Tier: r.Tier}
	if f, ok := r.Primary(); ok {
		v.Finding, v.Check, v.Sentence = f.ID, f.Check, f.Sentence
	}
	return v
}

// challengeAndJudge is a validator's whole round with one node.
func (v *Validator) challengeAndJudge(ctx context.Context, url string, nodeFile []byte) (Verdict, error) {
	r, err := v.challenge(ctx, url, nodeFile, nil)
	if err != nil {
		return Verdict{}, err
	}
	return VerdictOf(r), nil
}

// challenge asks and judges, with what it remembers of the node.
func (v *Validator) challenge(ctx context.Context, url string, nodeFile []byte, h *verify.History) (*verify.Result, error) {
	record, stored, err := v.Ask(ctx, url, nodeFile)
	if err != nil {
		return nil, err
	}
	return v.JudgeWith(record, verify.Endorsements{Validator: &v.Key.PublicKey, Node: nodeFile, AcceptDemoRootsUnsafe: true},
		verify.Options{At: time.Now(), Asked: verify.TierVerified, Stored: stored, History: h})
}

// measuredFindings are the ids of which an answer has one each once its engine's files were hashed and their headers read.
var measuredFindings = [][]string{
	{"engine.precision.match", "engine.precision.lower", "engine.precision.higher"},
	{"engine.model.match", "engine.model.mismatch", "engine.model.unknown"},
	{"engine.executable.match", "engine.executable.mismatch", "engine.executable.unknown"},
}

// AskMeasured challenges until the answer states the engine's executable and weights: an agent that meets new files hashes
// them in the background and says "not yet" meanwhile, which is no accusation. Its telemetry must have begun as well.
func (v *Validator) AskMeasured(ctx context.Context, url string, nodeFile []byte) (record, challenge []byte, r *verify.Result, err error) {
	for {
		if record, challenge, err = v.Ask(ctx, url, nodeFile); err != nil {
			return nil, nil, nil, err
		}
		if r, err = v.Judge(record, nodeFile); err != nil || measured(r) && recording(record) {
			return record, challenge, r, err
		}
		select {
		case <-ctx.Done():
			f, _ := r.Primary()
			return nil, nil, nil, fmt.Errorf("the engine's files were not measured in time (%s, finding %s): %w", r.Tier, f.ID, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// recording reports whether a node's telemetry has a record, or it keeps none: it begins within a second.
func recording(record []byte) bool {
	seen, err := takeApart(record)
	if err != nil {
		return true // it is judged for that
	}
	body, ok := seen.bound.Submods[attest.KindTelemetry]
	if !ok {
		for _, a := range seen.bound.Absent {
			if a.What == string(attest.KindTelemetry) && a.Reason == attest.NotYet {
				return false
			}
		}
		return true
	}
	c, err := telemetry.Parse(body)
	return err != nil || c.Index > 0
}

func measured(r *verify.Result) bool {
	if r.Tier == verify.TierNone && len(r.Claims) == 0 {
		return true // refused before its claims were read
	}
	have := map[string]bool{}
	for _, f := range r.Findings {
		have[f.ID] = true
	}
	for _, ids := range measuredFindings {
		if !have[ids[0]] && !have[ids[1]] && !have[ids[2]] {
			return false
		}
	}
	return true
}
