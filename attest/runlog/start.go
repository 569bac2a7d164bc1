package runlog

import "fmt"

// Start are the facts of a start event: which agent began, with what.
type Start struct {
	Version       string   // of the agent
	AgentSHA256   []byte   // of the agent's executable, 32 bytes; nil where it was not had
	AgentFsverity []byte   // its fs-verity digest (SHA-256, 4096-byte blocks); likewise
	ConfigDigest  [32]byte // SHA-256 of the configuration as read
	EvidenceKey   [32]byte // SHA-256(DER SPKI) of the evidence key of this process
}

// Names of a start's facts.
const (
	factVersion       = "version"
	factAgentSHA256   = "agent_sha256"
	factAgentFsverity = "agent_fsverity"
	factConfigDigest  = "config_digest"
	factEvidenceKey   = "evidence_key"
)

// Facts returns the facts of a start event, to which others may be added.
func (s Start) Facts() Facts {
	f := Facts{factVersion: s.Version, factConfigDigest: s.ConfigDigest[:], factEvidenceKey: s.EvidenceKey[:]}
	if s.AgentSHA256 != nil {
		f[factAgentSHA256] = s.AgentSHA256
	}
	if s.AgentFsverity != nil {
		f[factAgentFsverity] = s.AgentFsverity
	}
	return f
}

// StartOf reads the facts of a start event. Facts beyond these are allowed: the writer may know more.
func StartOf(f Facts) (Start, error) {
	var s Start
	s.Version, _ = f[factVersion].(string)
	if s.Version == "" {
		return s, fmt.Errorf("start event: no version: %w", ErrMalformed)
	}
	for name, d := range map[string]*[32]byte{factConfigDigest: &s.ConfigDigest, factEvidenceKey: &s.EvidenceKey} {
		b, _ := f[name].([]byte)
		if len(b) != len(d) {
			return s, fmt.Errorf("start event: %s of %d bytes: %w", name, len(b), ErrMalformed)
		}
		copy(d[:], b)
	}
	for name, d := range map[string]*[]byte{factAgentSHA256: &s.AgentSHA256, factAgentFsverity: &s.AgentFsverity} {
		v, ok := f[name]
		if !ok {
			continue
		}
		if *d, _ = v.([]byte); len(*d) != 32 {
			return s, fmt.Errorf("start event: %s of %d bytes: %w", name, len(*d), ErrMalformed)
		}
	}
	return s, nil
}
