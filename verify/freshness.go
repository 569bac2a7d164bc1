package verify

import (
	"fmt"
	"path"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
)

// tierWords says how the digest of a file is known (docs/kinds/engine.md). T4 and
// T6 are the validator's own and stand beside the node's word, never in its place.
var tierWords = map[string]string{
	"":                  "T0 claimed: the agent says; not hashed this boot",
	engine.FreshHashed:  "T1 hashed: the agent read all bytes; nothing since",
	engine.FreshStat:    "T2 hashed+stat: as T1; inode, size and times equal since. Excludes accident and unprivileged change, not root",
	engine.FreshWatched: "T3 hashed+watched: as T2, no fanotify or inotify event, no overflow, no agent restart between. Not root",
	engine.FreshKernel:  "T5 kernel-enforced: this kernel refuses reads that do not match. As good as the kernel",
}

// freshness says of each model and executable how its digest is known. It is for
// people and counts neither way: what a digest is worth is the standing of the claims.
func (ap *Appraised) freshness() {
	logged := ap.logged()
	for i := range ap.engineList {
		e := &ap.engineList[i]
		if e.Process != nil && e.Process.Exe != nil {
			seen := tierWords[e.Process.Exe.Freshness]
			if d := e.Process.Exe; inLog(logged, d.FSVerity, true) || inLog(logged, d.SHA256, false) {
				seen += "; T6 IMA-logged: its hash entered register 10 before use, and the log replays to the quote"
			}
			ap.findings.unknown("engine.freshness", "executable "+path.Base(e.Process.ExePath)+" of "+e.Name, Asserted, "", seen)
		}
		for j := range e.Models {
			m := &e.Models[j]
			seen := tierWords[m.Freshness]
			if m.Files > 1 {
				seen += fmt.Sprintf(" (the weakest of %d files)", m.Files)
			}
			ap.findings.unknown("engine.freshness", "model "+m.Path, Asserted, "", seen+ap.sampled(m)+modelLogged(logged, m))
		}
	}
}

// sampled says what proofs of blocks add, where they were asked for and hold.
func (ap *Appraised) sampled(m *engine.Model) string {
	if !m.Complete {
		return ""
	}
	for _, r := range ap.auth.challenge.Blocks {
		if r.Model == attest.Digest(m.Digest) && ap.proved[r.Model] {
			return fmt.Sprintf("; T4 sampled: %d nonce-chosen blocks matched the tree; a change of 1 %% of the blocks escapes with %s, of 10 %% with %s", r.Count, escaped(0.01, r.Count), escaped(0.1, r.Count))
		}
	}
	return ""
}

// modelLogged counts the files whose fs-verity digest the kernel logged; plain SHA-256 of weights is not stated.
func modelLogged(logged map[measuredKey]bool, m *engine.Model) string {
	n := 0
	for _, e := range m.Entries {
		if inLog(logged, e.FSVerity[:], true) {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; T6 IMA-logged: the hashes of %d of %d files entered register 10 before use, and the log replays to the quote", n, m.Files)
}

// logged holds the contents in the kernel's list, as far as it replays to the quote.
func (ap *Appraised) logged() map[measuredKey]bool {
	out := map[measuredKey]bool{}
	if ap.measurements == nil || !ap.measurements.replays {
		return out
	}
	for _, e := range ap.measurements.entries {
		if k, ok := keyOf(e); ok {
			out[k] = true
		}
	}
	return out
}

func inLog(logged map[measuredKey]bool, digest []byte, verity bool) bool {
	return len(digest) == len(attest.Digest{}) && logged[measuredKey{attest.Digest(digest), verity}]
}
