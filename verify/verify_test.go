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
