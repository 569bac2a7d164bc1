package verify

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"slices"

	"github.com/goccy/go-yaml"

	"github.com/hallmark-attest/hallmark/attest"
)

// Tier is what a node has earned.
type Tier string

const (
	TierNone               Tier = "none"
	TierCommunity          Tier = "community"
	TierVerified           Tier = "verified"
	TierEnterprise         Tier = "enterprise"
	TierEnterpriseMeasured Tier = "enterprise-measured"
	TierConfidential       Tier = "confidential"
)

// Tiers lists the tiers from the lowest. Each includes the demands of those below it.
func Tiers() []Tier {
	return []Tier{TierCommunity, TierVerified, TierEnterprise, TierEnterpriseMeasured, TierConfidential}
}

// Answer says how a policy answers for a kind or a demand. There is no default: a
// policy that leaves one out is refused, for absent never means unchecked.
type Answer string

const (
	Required Answer = "required" // without it the tier is not reached
	Expected Answer = "expected" // its absence is said aloud, and does not cap
	Ignored  Answer = "ignored"
)

// TierPolicy is one tier's file.
type TierPolicy struct {
	Tier    Tier                   `yaml:"tier"`
	Kinds   map[attest.Kind]Answer `yaml:"kinds"`
	Demands map[Demand]Answer      `yaml:"demands"`
}

// Policy holds one TierPolicy for each tier.
type Policy map[Tier]TierPolicy

// MaxPolicySize bounds a policy file.
const MaxPolicySize = 64 << 10

//go:embed policy/*.yaml
var policyFiles embed.FS

// DefaultPolicy returns the built-in tiers.
func DefaultPolicy() (Policy, error) {
	p := Policy{}
	for _, t := range Tiers() {
		b, err := policyFiles.ReadFile("policy/" + string(t) + ".yaml")
		if err != nil {
			return nil, err
		}
		tp, err := ParseTierPolicy(b)
		if err != nil {
			return nil, fmt.Errorf("built-in policy %s: %w", t, err)
		}
		p[tp.Tier] = *tp
	}
	return p, p.check()
}

// ParseTierPolicy reads one tier's file strictly: unknown keys, unknown answers and anything unanswered are errors.
func ParseTierPolicy(b []byte) (*TierPolicy, error) {
	if len(b) > MaxPolicySize {
		return nil, fmt.Errorf("policy: %d bytes, limit %d", len(b), MaxPolicySize)
	}
	var tp TierPolicy
	dec := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict(), yaml.DisallowUnknownField())
	if err := dec.Decode(&tp); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return &tp, tp.check()
}

func (tp *TierPolicy) check() error {
	if !slices.Contains(Tiers(), tp.Tier) {
		return fmt.Errorf("policy: unknown tier %q, want one of %v", tp.Tier, Tiers())
	}
	kinds := slices.Concat(attest.Built(), attest.Reserved())
	if err := answered(tp.Kinds, kinds, []Answer{Required, Expected, Ignored}); err != nil {
		return fmt.Errorf("policy %s: kinds: %w", tp.Tier, err)
	}
	names := make([]Demand, 0, len(demands))
	for _, d := range demands {
		names = append(names, d.name)
	}
	if err := answered(tp.Demands, names, []Answer{Required, Ignored}); err != nil {
		return fmt.Errorf("policy %s: demands: %w", tp.Tier, err)
	}
	return nil
}

// answered checks that every name has one of the allowed answers and no other name has any.
func answered[K ~string](got map[K]Answer, names []K, allowed []Answer) error {
	for _, n := range names {
		a, ok := got[n]
		if !ok {
			return fmt.Errorf("%q is not answered; write %q to leave it out", n, Ignored)
		}
		if !slices.Contains(allowed, a) {
			return fmt.Errorf("%q: unknown answer %q, want one of %v", n, a, allowed)
		}
	}
	for n := range got {
		if !slices.Contains(names, n) {
			return fmt.Errorf("unknown name %q", n)
		}
	}
	return nil
}

func (p Policy) check() error {
	for _, t := range Tiers() {
		tp, ok := p[t]
		if !ok {
			return fmt.Errorf("policy: tier %s is missing", t)
		}
		if err := tp.check(); err != nil {
			return err
		}
	}
	return p.safe()
}

// safe refuses policies that would pass what nobody may pass: these four demands hold in every tier.
func (p Policy) safe() error {
	for _, t := range Tiers() {
		for _, d := range []Demand{DemandSignature, DemandFresh, DemandEnrolledKey, DemandNoContradiction} {
			if p[t].Demands[d] != Required {
				return errors.New("policy " + string(t) + ": " + string(d) + " must be required")
			}
		}
	}
	return nil
}
