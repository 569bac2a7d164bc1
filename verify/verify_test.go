package verify

import (
	"slices"
	"testing"
	"time"
)

func TestHonestNodeWithTPMReachesCommunity(t *testing.T) {
	f := newForge(t)
	r, err := f.judge(TierCommunity)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Accepted || r.Tier != TierCommunity || len(ids(r, Contraindicated)) > 0 {
		t.Fatalf("accepted %v, tier %s, against: %v", r.Accepted, r.Tier, ids(r, Contraindicated))
	}
	for _, id := range []string{"tpm.quote.ok", "tpm.ak.enrolled", "tpm.ek.certified", "channel.bound", "freshness.ok"} {
		if !slices.Contains(ids(r, Affirming), id) {
			t.Errorf("%s is not affirmed", id)
		}
	}
}

func TestVerifiedIsRefusedWithBootNotEvaluable(t *testing.T) {
	r, err := newForge(t).judge(TierVerified)
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted || !slices.ContainsFunc(r.Unmet, func(u Unmet) bool { return u.Finding == "boot.not_evaluable" }) {
		t.Fatalf("accepted %v, unmet %v", r.Accepted, r.Unmet)
	}
	if len(ids(r, Contraindicated)) > 0 {
		t.Fatalf("an honest node is contradicted: %v", ids(r, Contraindicated))
	}
}

func TestHonestNodeWithoutTPMReachesCommunity(t *testing.T) {
	r, err := newForge(t).withoutTPM().judge(TierCommunity)
	if err != nil || !r.Accepted {
		t.Fatalf("%v %+v", err, r)
	}
}

func TestWithoutNodeRecordOnlyCommunityIsReachable(t *testing.T) {
	f := newForge(t)
	for tier, want := range map[Tier]bool{TierCommunity: true, TierVerified: false, TierEnterprise: false} {
		r, err := f.judgeWith(Endorsements{Validator: &f.validator.PublicKey}, nil, Options{At: f.at.Add(time.Second), Asked: tier})
		if err != nil || r.Accepted != want {
			t.Errorf("%s: accepted %v, %v", tier, r.Accepted, err)
		}
	}
}

func TestNewRefusesWithoutAnyKey(t *testing.T) {
	if _, err := newForge(t).judgeWith(Endorsements{}, nil, Options{At: time.Now()}); err != ErrNoKey {
		t.Fatalf("got %v", err)
	}
}

// A policy of one's own that asks for little must not lift a node that nobody enrolled.
func TestNoPolicyLiftsANodeWithoutRecord(t *testing.T) {
	f := newForge(t)
	p, err := DefaultPolicy()
	if err != nil {
		t.Fatal(err)
	}
	for _, tier := range Tiers() {
		for d := range p[tier].Demands {
			if !slices.Contains([]Demand{DemandSignature, DemandFresh, DemandEnrolledKey, DemandNoContradiction}, d) {
				p[tier].Demands[d] = Ignored
			}
		}
		for k := range p[tier].Kinds {
			p[tier].Kinds[k] = Ignored
		}
	}
	for node, want := range map[bool]Tier{true: TierConfidential, false: TierCommunity} {
		e := Endorsements{Validator: &f.validator.PublicKey}
		if node {
			e.Node = f.nodeFile()
		}
		v, err := New(e, nil, p)
		if err != nil {
			t.Fatal(err)
		}
		r, err := v.Verify(f.make(), Options{At: f.at.Add(time.Second), Asked: TierVerified})
		if err != nil || r.Tier != want {
			t.Errorf("node record %v: reached %s, want %s (%v)", node, r.Tier, want, err)
		}
	}
}

// What is missing is said in its own words, never with the sentence of something else.
func TestUnmetDemandsAreExplainedTruly(t *testing.T) {
	r, err := newForge(t).withoutTPM().judge(TierVerified)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"root.none", "quote.none", "engine.not_stated"} {
		if !slices.Contains(ids(r, Warning), id) {
			t.Errorf("%s is not said", id)
		}
	}
	for _, id := range []string{"tpm.quote.ok", "tpm.ek.unlisted", "engine.not_serving"} {
		if slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.ID == id }) {
			t.Errorf("%s is said of a node without TPM and engine", id)
		}
	}
}
