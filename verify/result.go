package verify

import (
	"encoding/json"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// Result is an Attestation Result: what the relying party reads. Its JSON is what `hallmark verify --json` prints.
type Result struct {
	Accepted      bool                              `json:"accepted"`
	Tier          Tier                              `json:"tier"`
	Asked         Tier                              `json:"asked"`
	Ceiling       string                            `json:"ceiling"`
	Node          string                            `json:"node,omitempty"`
	Demo          bool                              `json:"demo,omitempty"` // the node was enrolled under a demonstration authority, which an option that says unsafe believes
	Validator     string                            `json:"validator"`
	Received      string                            `json:"received,omitempty"`
	Unmet         []Unmet                           `json:"unmet"`
	Findings      []Finding                         `json:"findings"`
	Rules         []RuleOutcome                     `json:"rules"`
	Conclusion    rules.Conclusion                  `json:"conclusion"` // what the rules say together
	Hypotheses    []Hypothesis                      `json:"hypotheses"` // the likeliest first; empty without rules that spoke
	NextChallenge *NextChallenge                    `json:"next_challenge"`
	Claims        map[attest.Kind]ClaimWithStanding `json:"claims"`
	Telemetry     *Telemetry                        `json:"telemetry,omitempty"` // what was shown beside the claims; nil without a window that fits

	// Verdict and Logs are what to keep for later (package verify/history); nil for what was refused before it was appraised.
	Verdict *attest.Verdict `json:"-"`
	// Logs are beginnings of the node's logs: what replayed, and of the kernel's list what was read before its end was
	// reached. A nil one is to be dropped: it is of an earlier boot.
	Logs map[string][]byte `json:"-"`
}

// Unmet is one demand that keeps a node below the tier asked for.
type Unmet struct {
	Tier    Tier   `json:"tier"`
	Demand  string `json:"demand"`
	Finding string `json:"finding"`
}

// ClaimWithStanding is one kind's claims with what they are worth.
type ClaimWithStanding struct {
	Assurance Assurance       `json:"assurance"`
	Note      string          `json:"note,omitempty"`
	Quote     map[string]any  `json:"quote,omitempty"` // what the hardware's quote states beside the claims
	Claims    json.RawMessage `json:"claims"`
}

// Primary returns the finding that decided against the node: the first that
// contradicts, else the first unmet demand's. False where nothing speaks against it.
func (r *Result) Primary() (Finding, bool) {
	for _, f := range r.Findings {
		if f.Status == Contraindicated {
			return f, true
		}
	}
	for _, u := range r.Unmet {
		for _, f := range r.Findings {
			if f.ID == u.Finding {
				return f, true
			}
		}
	}
	return Finding{}, false
}
