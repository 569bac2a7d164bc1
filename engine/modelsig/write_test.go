package modelsig_test

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/engine/modelsig"
)

// What stands in a bundle by the specification, written out a second time so
// that a slip in the package's own constants shows.
const (
	inToto   = "application/vnd.in-toto+json"
	sigstore = "application/vnd.dev.sigstore.bundle.v0.3+json"
	omsV1    = "https://model_signing/signature/v1.0"
)

type object = map[string]any

var hashOf = map[elliptic.Curve]crypto.Hash{elliptic.P256(): crypto.SHA256, elliptic.P384(): crypto.SHA384, elliptic.P521(): crypto.SHA512}

func newKey(t testing.TB, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signer writes bundles as a publisher does; its fields are what a test bends.
type signer struct {
	key        *ecdsa.PrivateKey
	signedType string // in the encoding that is signed; inToto if empty
	noPAE      bool   // sign the payload bare
}

// envelope signs a payload and wraps it.
func (s signer) envelope(t testing.TB, payload []byte) object {
	t.Helper()
	typ := cmp.Or(s.signedType, inToto)
	message := append(fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(typ), typ, len(payload)), payload...)
	if s.noPAE {
		message = payload
	}
	h := hashOf[s.key.Curve].New()
	h.Write(message)
	sig, err := ecdsa.SignASN1(rand.Reader, s.key, h.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	return object{"payloadType": inToto, "payload": base64.StdEncoding.EncodeToString(payload),
		"signatures": []any{object{"sig": base64.StdEncoding.EncodeToString(sig), "keyid": nil}}}
}

func (s signer) bundle(t testing.TB, payload []byte) object {
	t.Helper()
	hint, err := modelsig.KeyHint(&s.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return object{"mediaType": sigstore, "dsseEnvelope": s.envelope(t, payload),
		"verificationMaterial": object{"publicKey": object{"hint": hint}, "tlogEntries": []any{}}}
}

// sign writes a whole bundle over a statement.
func (s signer) sign(t testing.TB, statement any) []byte {
	t.Helper()
	return encode(t, s.bundle(t, encode(t, statement)))
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// model is files by path, with their content.
type model map[string]string

func resource(name, content string) object {
	sum := sha256.Sum256([]byte(content))
	return object{"name": name, "digest": hex.EncodeToString(sum[:]), "algorithm": "sha256"}
}

func (m model) resources() (list []any) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, resource(name, m[name]))
	}
	return list
}

// shards cuts each file into ranges, in the order of the specification: by name as text.
func (m model) shards(size int) []any {
	byName := map[string]any{}
	for name, content := range m {
		for start := 0; start < len(content); start += size {
			end := min(start+size, len(content))
			n := fmt.Sprintf("%s:%d:%d", name, start, end)
			byName[n] = resource(n, content[start:end])
		}
	}
	var list []any
	for _, n := range slices.Sorted(maps.Keys(byName)) {
		list = append(list, byName[n])
	}
	return list
}

// files is what a walk over an unchanged model finds; with a statement the ranges it asks for.
func (m model) files(s *modelsig.Statement) (list []modelsig.File) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		c := m[name]
		f := modelsig.File{Path: name, Size: uint64(len(c)), SHA256: sha256.Sum256([]byte(c))}
		for _, r := range s.Shards(name, f.Size) {
			f.Shards = append(f.Shards, sha256.Sum256([]byte(c[r.Start:r.End])))
		}
		list = append(list, f)
	}
	return list
}

// root is the subject's digest: SHA-256 over the resources' digests.
func root(resources []any) string {
	var text strings.Builder
	for _, r := range resources {
		text.WriteString(r.(object)["digest"].(string))
	}
	b, _ := hex.DecodeString(text.String())
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func filesOf(ignore ...string) object {
	return object{"method": "files", "hash_type": "sha256", "allow_symlinks": false, "ignore_paths": append([]string{}, ignore...)}
}

func shardsOf(size any) object {
	return object{"method": "shards", "hash_type": "sha256", "allow_symlinks": false, "shard_size": size}
}

func statement(resources []any, serialization object) object {
	return object{"_type": "https://in-toto.io/Statement/v1", "predicateType": omsV1,
		"subject":   []any{object{"name": "my-model", "digest": object{"sha256": root(resources)}}},
		"predicate": object{"resources": resources, "serialization": serialization}}
}

// tiny is the model of most tests.
func tiny() model {
	return model{"config.json": "{}", "weights/a.safetensors": "aaaaaaaaaaaaaaaaaaaaaaa", "weights/b.safetensors": "bbbbbbbb"}
}

func open(t testing.TB, bundle []byte, key *ecdsa.PrivateKey) *modelsig.Statement {
	t.Helper()
	s, err := modelsig.Open(bundle, &key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
