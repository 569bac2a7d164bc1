package verify

import (
	"fmt"
	"slices"
	"unicode"

	"github.com/hallmark-attest/hallmark/verify/rules"
)

// Status is how a finding counts (the tiers of AR4SI, draft-ietf-rats-ar4si).
type Status string

const (
	Affirming       Status = "affirming"       // checked and as it should be
	Warning         Status = "warning"         // believable, with a flaw that caps what is reached
	Contraindicated Status = "contraindicated" // contradicts: the tier is denied
	None            Status = "none"            // not evaluable: neither for nor against
)

// Assurance says where a statement comes from. The verifier computes it, never the node.
type Assurance = rules.Assurance

const (
	Hardware  = rules.Hardware  // signed by a root the owner's software does not hold
	Measured  = rules.Measured  // reported by software for which the closed-world conditions hold
	Asserted  = rules.Asserted  // the owner's word
	Validator = rules.Validator // the validator's own observation
)

// Finding is one judged statement. Its ID is part of the format: added, never renamed.
type Finding struct {
	ID        string    `json:"id"`
	Check     string    `json:"check"` // the predicate that spoke
	Status    Status    `json:"status"`
	Assurance Assurance `json:"assurance"`
	Expected  string    `json:"expected,omitempty"`
	Seen      string    `json:"seen,omitempty"`
	Sentence  string    `json:"sentence"`
}

// findings collects what one stage judged.
type findings []Finding

// add appends a finding with the registry's sentence. An id outside the
// registry cannot be explained to anybody: it is a programming error.
func (fs *findings) add(id, check string, s Status, a Assurance, expected, seen string) {
	e, ok := EntryOf(id)
	if !ok {
		panic(fmt.Sprintf("finding %q is not in the registry", id))
	}
	*fs = append(*fs, Finding{id, clip(check), s, a, clip(expected), clip(seen), e.Sentence})
}

func (fs *findings) bad(id, check string, a Assurance, expected, seen any) {
	fs.add(id, check, Contraindicated, a, fmt.Sprint(expected), fmt.Sprint(seen))
}

func (fs *findings) warn(id, check string, a Assurance, expected, seen any) {
	fs.add(id, check, Warning, a, fmt.Sprint(expected), fmt.Sprint(seen))
}

func (fs *findings) good(id, check string, a Assurance, seen any) {
	fs.add(id, check, Affirming, a, "", fmt.Sprint(seen))
}

func (fs *findings) unknown(id, check string, a Assurance, expected, seen any) {
	fs.add(id, check, None, a, fmt.Sprint(expected), fmt.Sprint(seen))
}

// contradicted reports whether any finding denies the tier.
func (fs findings) contradicted() bool {
	for _, f := range fs {
		if f.Status == Contraindicated {
			return true
		}
	}
	return false
}

// has reports whether a finding of that id was said.
func (fs findings) has(id string) bool {
	return slices.ContainsFunc(fs, func(f Finding) bool { return f.ID == id })
}

// clip keeps hostile text out of terminals and reports short.
func clip(s string) string {
	const most = 300
	if plain(s) && len(s) <= most { // as nearly all are
		return s
	}
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			r = ' '
		}
		if out = append(out, r); len(out) == most {
			return string(out) + "…"
		}
	}
	return string(out)
}

// plain reports whether s is printable ASCII.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
