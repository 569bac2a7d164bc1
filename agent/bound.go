package agent

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"github.com/hallmark-attest/hallmark/attest"
)

// maxClaims bounds all claims of one piece of evidence together; the rest of
// attest.MaxEvidenceSize is for inputs, absences, quote and envelope.
const maxClaims = attest.MaxEvidenceSize - 128<<10

// setKinds states every kind in b: claims, or an absence with its reason.
func setKinds(b *attest.Bound, states map[attest.Kind]stated) {
	shrink(states)
	b.Submods, b.Absent = map[attest.Kind]cbor.RawMessage{}, []attest.Absence{}
	for _, k := range attest.Built() {
		s, ok := states[k]
		if !ok {
			s = absent(k, attest.NotConfigured, "not configured on this host")
		}
		if s.absence != nil {
			b.Absent = append(b.Absent, *s.absence)
		} else {
			b.Submods[k] = s.body
		}
	}
	for _, k := range attest.Reserved() {
		b.Absent = append(b.Absent, attest.Absent(string(k), attest.NotBuilt, "not built in this version"))
	}
	slices.SortFunc(b.Absent, func(x, y attest.Absence) int { return cmp.Compare(x.What, y.What) })
}

// dropUnfit states as absent what the sources' own checks refuse of the readings for this evidence, and reports whether any was.
func dropUnfit(states map[attest.Kind]stated) (dropped bool) {
	for k, s := range states {
		states[k] = s.checked(k)
		dropped = dropped || s.absence == nil && states[k].absence != nil
	}
	return dropped
}

// shrink takes out the largest claims until the rest fits: better one kind said
// to be too large than evidence that nobody reads.
func shrink(states map[attest.Kind]stated) {
	for {
		total, largest := 0, attest.Kind("")
		for _, k := range attest.Built() {
			n := len(states[k].body)
			// The TPM's claims are small, and belong to the quote.
			if total += n; k != attest.KindTPM && n > len(states[largest].body) {
				largest = k
			}
		}
		if total <= maxClaims {
			return
		}
		states[largest] = absent(largest, attest.Oversize, "%d bytes; all claims together may have %d", len(states[largest].body), maxClaims)
	}
}

// passed are the claims that were last read back as part of a bound, by kind.
// Where the same bytes come again, and most claims are read oftener than they
// change, the check need not read them again. The turn's holder has it.
type passed map[attest.Kind]cbor.RawMessage

// check reads b back as the verifier will: what that would refuse as malformed never
// leaves. Claims that passed before are an empty map in what is read back. raw is b's whole encoding.
func (p passed) check(b *attest.Bound, raw []byte) error {
	if len(raw) > attest.MaxEvidenceSize {
		return fmt.Errorf("own check: bound of %d bytes, limit %d", len(raw), attest.MaxEvidenceSize)
	}
	read := *b
	read.Submods = maps.Clone(b.Submods)
	for k, body := range b.Submods {
		if bytes.Equal(p[k], body) {
			read.Submods[k] = emptyMap
		}
	}
	again, err := attest.Marshal(&read)
	if err != nil {
		return fmt.Errorf("bound: %w", err)
	}
	if _, err := attest.ParseBound(again); err != nil {
		return fmt.Errorf("own check: %w", err)
	}
	maps.Copy(p, b.Submods)
	return nil
}

// emptyMap is the encoding of a map without entries.
var emptyMap = cbor.RawMessage{0xa0}

// union merges two sorted lists of settings within their limit.
func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > attest.MaxAbsences {
		all = append(all[:attest.MaxAbsences-1], "more")
		slices.Sort(all)
	}
	return all
}

var errDifferentFiles = errors.New("front end and collector read different configuration files: give both the same --config and restart them")
