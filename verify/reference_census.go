package verify

import (
	"fmt"
	"reflect"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/engine/census"
)

// parseReference decodes a reference with every census in it: a reference of
// which a part cannot be read is refused whole.
func parseReference(payload []byte) (*attest.Reference, map[attest.Digest]*census.Census, error) {
	ref, err := attest.ParseReference(payload)
	if err != nil {
		return nil, nil, err
	}
	counted := map[attest.Digest]*census.Census{}
	for i := range ref.Models {
		m := &ref.Models[i]
		if m.Census == nil {
			continue
		}
		c, err := census.Parse(m.Census)
		if err == nil && !fits(c, m.Size, m.Files) {
			err = fmt.Errorf("it counts %d bytes in %d files, the model has %d in %d", censusBytes(c), c.Files, m.Size, m.Files)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reference: census of model %q: %w", attest.Clean(m.Name), err)
		}
		if counted[m.Digest] == nil {
			counted[m.Digest] = c
		}
	}
	return ref, counted, nil
}

// fits reports whether a census may be of a model of this size. One of more bytes
// or files than the model has is of other files, whatever it says.
func fits(c *census.Census, size, files uint64) bool {
	return censusBytes(c) <= size && c.Files <= files
}

// precisionOf holds a model against a declared precision: by the references' census
// of the same manifest digest where there is one. The digest binds the bytes, so a
// validator's own count is at least as good as the node's, and a node that states
// none, or another one, changes nothing. Two counts that differ accuse nobody by
// that alone: another version may know other packings, and where the references'
// cannot tell, the node's is asked.
func (r *References) precisionOf(m *engine.Model, declared string) census.Precision {
	known := r.counted[attest.Digest(m.Digest)]
	if known == nil {
		return statedPrecision(m, declared)
	}
	p := known.Against(declared)
	switch {
	case m.Census == nil:
		p.Why += "; by the references' census, the node states none"
	case reflect.DeepEqual(m.Census, known):
		p.Why += "; by the references' census, equal to the node's"
	case p.Verdict != census.NotEvaluable:
		p.Why += "; by the references' census, the node states another"
	default:
		p = statedPrecision(m, declared)
		p.Why += "; by the node's census, the references' cannot tell"
	}
	return p
}

// statedPrecision goes by the node's own census.
func statedPrecision(m *engine.Model, declared string) census.Precision {
	switch {
	case m.Census == nil:
		return notComparable("the node states no census of the model")
	case censusBytes(m.Census) > m.SizeBytes:
		return notComparable(fmt.Sprintf("the census counts %d bytes, the model has %d", censusBytes(m.Census), m.SizeBytes))
	}
	return m.Census.Against(declared)
}

// publisher says who signed the model of this name and digest, "" where no reference says so.
func (r *References) publisher(name string, d attest.Digest) string {
	for _, m := range r.models[name] {
		if m.Digest == d && m.Publisher != nil {
			return fmt.Sprintf("signed by the publisher's key %s as %q", m.Publisher.Key, m.Publisher.Subject)
		}
	}
	return ""
}
