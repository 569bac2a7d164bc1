package verify

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/engine/census"
	"github.com/hallmark-attest/hallmark/sign"
)

// References are the reference values of all files that were handed in.
type References struct {
	models     map[string][]attest.ReferenceModel // by name
	modelNames map[attest.Digest][]string         // by manifest digest
	programs   map[programKey][]attest.FileDigest
	boots      []attest.ReferenceBoot
	measured   map[measuredKey]bool
	early      map[measuredKey]bool             // of these, what may run before an IMA policy is loaded
	policies   map[attest.Digest]bool           // files that may be loaded as IMA policy
	counted    map[attest.Digest]*census.Census // by manifest digest: the first that was handed in
	given      bool
}

type programKey struct {
	role attest.Role
	name string
}

// referenceFile is a reference file: payload or signed document in base64url, and a view nobody reads back.
type referenceFile struct {
	Reference string          `json:"reference"`
	View      json.RawMessage `json:"view,omitempty"`
}

// MarshalReference returns the bytes of a reference file, signed where key is non-nil.
func MarshalReference(key *ecdsa.PrivateKey, r attest.Reference) ([]byte, error) {
	r.Version = 1
	payload, err := attest.Marshal(r)
	if err != nil {
		return nil, err
	}
	if _, _, err := parseReference(payload); err != nil {
		return nil, err
	}
	doc := payload
	if key != nil {
		if doc, err = sign.Seal(key, attest.TypeReference, payload); err != nil {
			return nil, err
		}
	}
	view, err := attest.View(payload, attest.ReferenceNames)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(referenceFile{base64.RawURLEncoding.EncodeToString(doc), view}, "", "  ")
}

// Add reads one reference file. With a key, unsigned files and files of another
// signer are refused; without one the file is the word of whoever named it.
func (r *References) Add(file []byte, key *ecdsa.PublicKey) error {
	ref, counted, err := openReference(file, key)
	if err != nil {
		return err
	}
	r.given = true
	if r.models == nil {
		r.models, r.modelNames = map[string][]attest.ReferenceModel{}, map[attest.Digest][]string{}
		r.counted, r.programs = map[attest.Digest]*census.Census{}, map[programKey][]attest.FileDigest{}
		r.measured, r.early, r.policies = map[measuredKey]bool{}, map[measuredKey]bool{}, map[attest.Digest]bool{}
	}
	for _, m := range ref.Models {
		r.models[m.Name] = append(r.models[m.Name], m)
		r.modelNames[m.Digest] = append(r.modelNames[m.Digest], m.Name)
	}
	for d, c := range counted {
		if r.counted[d] == nil {
			r.counted[d] = c
		}
	}
	for _, e := range ref.Executables {
		k := programKey{e.Role, e.Name}
		r.programs[k] = append(r.programs[k], e.File)
	}
	r.boots = append(r.boots, ref.Boots...)
	for _, f := range ref.Measured {
		k := measuredKey{f.Digest, f.Verity}
		r.measured[k] = true
		r.early[k] = r.early[k] || f.Early
		if f.Policy {
			r.policies[f.Digest] = true
		}
	}
	return nil
}

// maxReferenceFile is the size of a reference file: base64 of the largest payload and a view.
const maxReferenceFile = 4 * attest.MaxReferenceSize

func openReference(file []byte, key *ecdsa.PublicKey) (*attest.Reference, map[attest.Digest]*census.Census, error) {
	if len(file) > maxReferenceFile {
		return nil, nil, fmt.Errorf("reference: %d bytes, limit %d", len(file), maxReferenceFile)
	}
	var f referenceFile
	if err := json.Unmarshal(file, &f); err != nil {
		return nil, nil, fmt.Errorf("reference: not a reference file: %w", err)
	}
	doc, err := base64.RawURLEncoding.DecodeString(f.Reference)
	if err != nil || len(doc) == 0 {
		return nil, nil, errors.New(`reference: member "reference" is not base64url`)
	}
	msg, err := sign.Open(doc, attest.TypeReference, attest.MaxReferenceSize)
	switch {
	case err == nil && key != nil:
		payload, err := msg.Verify(key)
		if err != nil {
			return nil, nil, fmt.Errorf("reference: %w", err)
		}
		return parseReference(payload)
	case err == nil:
		return parseReference(msg.Unverified())
	case key != nil:
		return nil, nil, fmt.Errorf("reference: not signed by the reference key: %w", err)
	}
	return parseReference(doc)
}

// verdict is how a stated digest stands to the references, from the least to the most.
type verdict int

const (
	unknownReference verdict = iota
	differsFromReference
	sameWeights // all weight files equal, others differ
	matchesReference
)

// model compares a model under a name: one of the manifests known by that name,
// or at least the weights of one. A name the references do not know is unknown,
// whatever the digest: a known model under another name is not the declared one.
// One that is not measured whole has no digest, and is unknown under any name.
func (r *References) model(name string, m *engine.Model) verdict {
	known := r.models[name]
	if len(known) == 0 || len(m.Digest) != len(attest.Digest{}) {
		return unknownReference
	}
	best := differsFromReference
	for _, k := range known {
		if k.Digest == attest.Digest(m.Digest) {
			return matchesReference
		}
		if equalWeights(k.Entries, m.Entries) {
			best = sameWeights
		}
	}
	return best
}

// equalWeights compares the weight files of two manifests by path and digest. Without a list on both sides nothing is equal.
func equalWeights(a []attest.ModelFile, b engine.Manifest) bool {
	left := map[string]attest.Digest{}
	for _, f := range a {
		if engine.WeightFile(f.Path, f.Size) {
			left[f.Path] = f.FSVerity
		}
	}
	n := 0
	for _, f := range b {
		if !engine.WeightFile(f.Path, f.Size) {
			continue
		}
		if d, ok := left[f.Path]; !ok || d != attest.Digest(f.FSVerity) {
			return false
		}
		n++
	}
	return n > 0 && n == len(left)
}

// expectedModel names the manifests known by a name, the first of them by digest.
func (r *References) expectedModel(name string) string {
	known := r.models[name]
	if len(known) == 0 {
		return "a reference named " + name
	}
	s := name + " " + known[0].Digest.String()
	if len(known) > 1 {
		s += fmt.Sprintf(" or one of %d others", len(known)-1)
	}
	return s
}

// ModelDigests lists the manifest digests of all models, sorted.
func (r *References) ModelDigests() []attest.Digest {
	return slices.SortedFunc(maps.Keys(r.modelNames), func(a, b attest.Digest) int { return bytes.Compare(a[:], b[:]) })
}

// names lists under which names a manifest digest is known.
func (r *References) names(d attest.Digest) string { return strings.Join(r.modelNames[d], ", ") }

// program compares an executable's digests, both of which must agree.
func (r *References) program(role attest.Role, name string, d attest.FileDigest) (verdict, string) {
	known := r.programs[programKey{role, name}]
	for _, k := range known {
		if k == d {
			return matchesReference, k.FSVerity.String()
		}
	}
	if len(known) > 0 {
		return differsFromReference, known[0].FSVerity.String()
	}
	return unknownReference, ""
}
