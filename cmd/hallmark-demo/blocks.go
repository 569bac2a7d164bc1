package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
	"github.com/hallmark-attest/hallmark/verify"
)

// provenBlocks is how many blocks of its weights the honest node is asked for.
const provenBlocks = 8

// provesWeights asks the honest node for blocks of its model. Being accepted is not enough: nobody is refused for an absence.
func provesWeights(ctx context.Context, v *attacker.Validator, url string, file []byte) (row, error) {
	begin := time.Now()
	var asked []attest.BlockRequest
	for _, d := range v.Refs.ModelDigests() {
		asked = append(asked, attest.BlockRequest{Count: provenBlocks, Model: d})
	}
	record, stored, err := v.Ask(ctx, url, file, asked...)
	if err != nil {
		return row{}, err
	}
	r, err := v.JudgeWith(record, verify.Endorsements{Validator: &v.Key.PublicKey, Node: file, AcceptDemoRootsUnsafe: true},
		verify.Options{At: time.Now(), Asked: verify.TierVerified, Stored: stored})
	if err != nil {
		return row{}, err
	}
	if !slices.ContainsFunc(r.Findings, func(f verify.Finding) bool { return f.ID == "weights.blocks.ok" }) {
		return row{}, fmt.Errorf("the honest node did not prove its weights: %+v", r.Findings)
	}
	return newRow(honestName+", asked for blocks", fmt.Sprintf("proves %d blocks of its weights that the nonce picked", provenBlocks), "",
		attacker.VerdictOf(r), "Nothing speaks against it at the tier asked for.", time.Since(begin)), nil
}
