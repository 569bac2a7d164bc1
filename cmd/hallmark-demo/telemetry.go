package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/client"
)

// between is how long lies between the two answers.
const between = 3 * time.Second

// bracketsTelemetry asks the honest node twice, the second time for what its GPUs did
// since the first, and judges both together.
func bracketsTelemetry(ctx context.Context, v *attacker.Validator, url string, file []byte) (row, error) {
	begin := time.Now()
	first, _, err := v.Question(ctx, url, file, client.Question{Kinds: attest.Built(), Logs: client.WholeLogs(), Window: &attest.WindowRequest{Seconds: 60}})
	if err != nil {
		return row{}, err
	}
	select {
	case <-time.After(between):
	case <-ctx.Done():
		return row{}, ctx.Err()
	}
	_, point, err := verify.TelemetryPoint(first)
	if err != nil {
		return row{}, err
	}
	second, stored, err := v.Question(ctx, url, file, client.Question{Kinds: attest.Built(), Logs: client.WholeLogs(), Window: &attest.WindowRequest{Since: point}})
	if err != nil {
		return row{}, err
	}
	policy, err := verify.DefaultPolicy()
	if err != nil {
		return row{}, err
	}
	ver, err := verify.New(verify.Endorsements{Validator: &v.Key.PublicKey, Node: file, AcceptDemoRootsUnsafe: true}, v.Refs, policy)
	if err != nil {
		return row{}, err
	}
	o := verify.Options{At: time.Now(), Asked: verify.TierVerified, Stored: stored}
	beside, err := ver.Beside(first, o)
	if err != nil {
		return row{}, err
	}
	if err := fetchesHistory(ctx, v, url, beside); err != nil {
		return row{}, err
	}
	o.With = []*verify.Beside{beside}
	r, err := ver.Verify(second, o)
	if err != nil {
		return row{}, err
	}
	if !slices.ContainsFunc(r.Findings, func(f verify.Finding) bool { return f.ID == "telemetry.bracketed" }) {
		return row{}, fmt.Errorf("the honest node's telemetry is not bracketed by two answers: %+v", r.Findings)
	}
	return newRow(honestName+", asked what its GPUs did", "shows every record of its telemetry between two answers", "",
		attacker.VerdictOf(r), "Nothing speaks against it at the tier asked for.", time.Since(begin)), nil
}

// fetchesHistory asks the node for all records up to a quoted head, and checks that they lead there.
func fetchesHistory(ctx context.Context, v *attacker.Validator, url string, answer *verify.Beside) error {
	head, _ := answer.Telemetry()
	c, err := client.New(url, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	h, err := c.History(ctx, v.Key, answer.Node(), client.Records{Head: head, First: 1, Last: head.Index}, nil)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	checked, err := answer.CheckHistory(h)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if checked.First != 1 || checked.Last < head.Index {
		return fmt.Errorf("history: records %d to %d, want 1 to %d", checked.First, checked.Last, head.Index)
	}
	return nil
}
