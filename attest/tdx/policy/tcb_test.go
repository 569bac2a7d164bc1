package policy_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/policy"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

func TestStatus(t *testing.T) {
	day := 24 * time.Hour
	stale := []collateral.Window{{What: "TCB info", From: at.Add(-40 * day), To: at.Add(-2 * day)}}
	coming := []collateral.Window{{What: "TCB info", From: at.Add(time.Hour), To: at.Add(2 * day)}}
	for name, c := range map[string]struct {
		change func(p *policy.TCB)
		tcb    collateral.TCB
		want   []string
	}{
		"up to date":           {nil, collateral.TCB{Status: collateral.UpToDate}, nil},
		"out of date":          {nil, collateral.TCB{Status: collateral.OutOfDate, MinDate: at.Add(-day)}, []string{"tdx.policy.status"}},
		"in grace":             {func(p *policy.TCB) { p.Grace = 30 * day }, collateral.TCB{Status: collateral.OutOfDate, MinDate: at.Add(-29 * day)}, nil},
		"past grace":           {func(p *policy.TCB) { p.Grace = 30 * day }, collateral.TCB{Status: collateral.OutOfDate, MinDate: at.Add(-31 * day)}, []string{"tdx.policy.status"}},
		"no grace for revoked": {func(p *policy.TCB) { p.Grace = 30 * day }, collateral.TCB{Status: collateral.Revoked, MinDate: at}, []string{"tdx.policy.status"}},
		"no grace for unknown": {func(p *policy.TCB) { p.Grace = 30 * day }, collateral.TCB{Status: collateral.Unrecognized, MinDate: at}, []string{"tdx.policy.status"}},
		"no date":              {func(p *policy.TCB) { p.Grace = 30 * day }, collateral.TCB{Status: collateral.OutOfDate}, []string{"tdx.policy.status"}},
		"unrecognized": {func(p *policy.TCB) { p.Accept = append(p.Accept, collateral.Unrecognized) },
			collateral.TCB{Status: collateral.Unrecognized}, nil},
		"advisory":       {nil, collateral.TCB{Status: collateral.UpToDate, Advisories: []string{"INTEL-SA-1"}}, []string{"tdx.policy.advisory"}},
		"known advisory": {func(p *policy.TCB) { p.Advisories = []string{"INTEL-SA-1"} }, collateral.TCB{Status: collateral.UpToDate, Advisories: []string{"INTEL-SA-1"}}, nil},
		"any advisory":   {func(p *policy.TCB) { p.AnyAdvisory = true }, collateral.TCB{Status: collateral.UpToDate, Advisories: []string{"INTEL-SA-1"}}, nil},
		"evaluation": {func(p *policy.TCB) { p.AnyEvaluation, p.MinEvaluation = false, 18 },
			collateral.TCB{Status: collateral.UpToDate, EvaluationNumber: 17}, []string{"tdx.policy.evaluation"}},
		"evaluation reached": {func(p *policy.TCB) { p.AnyEvaluation, p.MinEvaluation = false, 17 },
			collateral.TCB{Status: collateral.UpToDate, EvaluationNumber: 17}, nil},
		"stale":            {nil, collateral.TCB{Status: collateral.UpToDate, Stale: stale}, []string{"tdx.policy.stale"}},
		"stale and bad":    {nil, collateral.TCB{Status: collateral.Revoked, Stale: stale}, []string{"tdx.policy.status", "tdx.policy.stale"}},
		"stale, accepted":  {func(p *policy.TCB) { p.AcceptStale = 3 * day }, collateral.TCB{Status: collateral.UpToDate, Stale: stale}, nil},
		"coming, accepted": {func(p *policy.TCB) { p.AcceptStale = 300 * day }, collateral.TCB{Status: collateral.UpToDate, Stale: coming}, []string{"tdx.policy.stale"}},
	} {
		p := ignoring()
		if c.change != nil {
			c.change(&p.TCB)
		}
		if got := ids(p.Status(&c.tcb, at)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, wanted %v", name, got, c.want)
		}
	}
}

func TestRegisterOfKnownPlatforms(t *testing.T) {
	p := ignoring()
	here, there := quote.Platform{PPIDHash: [32]byte{1}}, quote.Platform{PPIDHash: [32]byte{2}}
	if got := p.Platform(&there); len(got) > 0 {
		t.Error(got)
	}
	p.Platforms = policy.Platforms{Known: map[[32]byte]string{{1}: "rack 4, unit 7"}}
	if got := p.Platform(&here); len(got) > 0 {
		t.Error(got)
	}
	if got := ids(p.Platform(&there)); !slices.Equal(got, []string{"tdx.policy.platform"}) {
		t.Error(got)
	}
}
