package domain

import (
	"time"

	"github.com/hallmark-attest/hallmark/internal/sim/engine"
	"github.com/hallmark-attest/hallmark/internal/sim/nvml"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// Party is a node and how it must end.
type Party struct {
	Name, Does string
	// Expect is the rule that must say Outcome of it, and Hypothesis the explanation that must stand first. An honest node has no Expect.
	Expect, Outcome, Hypothesis string
	Tier                        verify.Tier
	// Honest parties must be clear, with no other rule violated than the expected one and those in Allowed.
	Honest  bool
	Allowed []string

	manner   engine.Manner
	idle     bool // its GPUs do nothing
	faults   nvml.Faults
	hot      bool // its air is hot and its fans are weak
	twin     bool // its GPUs have the identities of the first honest node's
	noGPU    bool
	downCast bool
	pauses   bool // its agent is stopped as soon as it has answered the first challenge
}

// Honest speeds: 64 tokens in some 150 ms, well below what reading the weights takes at least.
const (
	firstToken = 20 * time.Millisecond
	perToken   = 2 * time.Millisecond
)

var honestly = engine.Manner{Seed: 1, First: firstToken, PerToken: perToken}

// Cast lists the parties; honest nodes stand first.
func Cast() []Party {
	fast, slow := honestly, honestly
	fast.First, fast.PerToken = 0, 20*time.Microsecond
	slow.First, slow.PerToken = 4*firstToken, 4*perToken
	other, canned := honestly, honestly
	other.Seed, canned.Canned = 2, true
	busy := 100
	honest := func(name string) Party {
		return Party{Name: name, Does: "answers with what it states", Hypothesis: "honest", Tier: verify.TierVerified, Honest: true, manner: honestly}
	}
	return []Party{
		honest("honest-1"), honest("honest-2"), honest("honest-3"), honest("honest-4"),
		{Name: "throttled", Does: "is honest, hot and slow", Expect: "R2", Outcome: rules.Violated, Hypothesis: "throttled", Tier: verify.TierVerified, Honest: true, Allowed: []string{"H1"}, manner: slow, hot: true},
		{Name: "withholds", Does: "states no GPU and no telemetry", Expect: "E2", Outcome: rules.Missing, Hypothesis: "honest", Tier: verify.TierVerified, Honest: true, manner: honestly, noGPU: true},
		{Name: "other-model", Does: "holds the right files and answers with another model", Expect: "M1", Outcome: rules.Violated, Hypothesis: "swapped_after_attestation", Tier: verify.TierVerified, manner: other},
		{Name: "down-cast", Does: "declares bf16 over files of 8 bits", Expect: "M3", Outcome: rules.Violated, Hypothesis: "down_cast", Tier: verify.TierNone, manner: honestly, downCast: true},
		{Name: "canned", Does: "has one answer to each question", Expect: "M5", Outcome: rules.Violated, Hypothesis: "cached_answers", Tier: verify.TierVerified, manner: canned},
		{Name: "too-fast", Does: "answers faster than its GPUs can read the weights", Expect: "R1", Outcome: rules.Violated, Hypothesis: "cached_answers", Tier: verify.TierNone, manner: fast},
		{Name: "proxy", Does: "lets another machine answer while its GPUs rest", Expect: "U2", Outcome: rules.Violated, Hypothesis: "proxied", Tier: verify.TierVerified, manner: honestly, idle: true},
		{Name: "busy-at-rest", Does: "says its GPUs are busy, at the power of rest", Expect: "U1", Outcome: rules.Violated, Hypothesis: "telemetry_forged", Tier: verify.TierVerified, manner: honestly, idle: true,
			faults: nvml.Faults{FakeUtilisation: &busy}},
		{Name: "twin", Does: "states the GPUs of honest-1", Expect: "I1", Outcome: rules.Violated, Hypothesis: "sold_twice", Tier: verify.TierVerified, manner: honestly, twin: true},
		{Name: "telemetry-off", Does: "stops its agent as soon as the first challenge is answered", Expect: "C2", Outcome: rules.Violated, Hypothesis: "telemetry_withheld", Tier: verify.TierVerified, manner: honestly, pauses: true},
	}
}
