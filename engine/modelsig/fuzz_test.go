package modelsig_test

import (
	"crypto/elliptic"
	"errors"
	"testing"

	"github.com/hallmark-attest/hallmark/engine/modelsig"
)

// FuzzOpen feeds bundles as they come over the network. The key is new in each
// run, so whatever is accepted was signed here.
func FuzzOpen(f *testing.F) {
	key := newKey(f, elliptic.P256())
	f.Add(signer{key: key}.sign(f, statement(tiny().resources(), filesOf(".git"))))
	f.Add(signer{key: key}.sign(f, statement(tiny().shards(8), shardsOf(8))))
	f.Add([]byte(`{"mediaType":"` + sigstore + `","verificationMaterial":{"certificate":{}},"dsseEnvelope":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := modelsig.Open(b, &key.PublicKey)
		if (s == nil) != (err != nil) {
			t.Fatalf("statement %v with error %v", s, err)
		}
	})
}

// FuzzStatement signs any payload: a publisher may be hostile too, and the
// parser behind the signature must hold as well.
func FuzzStatement(f *testing.F) {
	key := newKey(f, elliptic.P256())
	f.Add(encode(f, statement(tiny().resources(), filesOf(".git", "a/b"))))
	f.Add(encode(f, statement(tiny().shards(8), shardsOf(8))))
	f.Add(encode(f, statement(model{".": "x"}.shards(8), shardsOf(8))))
	f.Fuzz(func(t *testing.T, payload []byte) {
		s, err := modelsig.Open(encode(t, signer{key: key}.bundle(t, payload)), &key.PublicKey)
		if err != nil {
			if len(payload) > 0 && errors.Is(err, modelsig.ErrSignature) {
				t.Fatal("good signature refused")
			}
			return
		}
		files := signedFiles(t, s)
		if diffs := s.Compare(files, ""); diffs != nil {
			t.Fatalf("the signed files differ from themselves: %v", diffs)
		}
		if ignored := s.Ignored(files, ""); ignored != nil {
			t.Fatalf("signed files are ignored: %q", ignored)
		}
		files[0].Size++
		files[0].SHA256[0]++
		if len(s.Compare(files, "")) != 1 {
			t.Fatal("a changed file is no difference")
		}
		if extra := s.Compare(append(signedFiles(t, s), modelsig.File{Path: "\xff", Size: 1}), ""); len(extra) == 0 {
			t.Fatal("an added file is no difference")
		}
	})
}

// signedFiles makes the files that a statement asks for.
func signedFiles(t *testing.T, s *modelsig.Statement) (list []modelsig.File) {
	t.Helper()
	byPath := map[string]*modelsig.File{}
	var order []string
	for _, r := range s.Resources {
		name := r.Name
		size := uint64(1)
		if s.Serialization.Method == modelsig.MethodShards {
			name, size = cutShard(t, name)
		}
		if byPath[name] == nil {
			byPath[name] = &modelsig.File{Path: name, SHA256: r.Digest}
			order = append(order, name)
		}
		byPath[name].Size = max(byPath[name].Size, size)
	}
	digest := map[string][32]byte{}
	for _, r := range s.Resources {
		digest[r.Name] = r.Digest
	}
	for _, name := range order {
		file := byPath[name]
		for _, r := range s.Shards(name, file.Size) {
			file.Shards = append(file.Shards, digest[shardName(name, r)])
		}
		list = append(list, *file)
	}
	return list
}
