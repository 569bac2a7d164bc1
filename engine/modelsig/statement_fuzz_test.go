package modelsig

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
)

// payload writes a statement whose resources all have the digest of nothing.
func payload(serialization string, names ...string) []byte {
	digest := sha256.Sum256(nil)
	var all []byte
	var list []string
	for _, n := range names {
		all = append(all, digest[:]...)
		list = append(list, fmt.Sprintf(`{"name":%q,"digest":"%x","algorithm":"sha256"}`, n, digest))
	}
	return fmt.Appendf(nil, `{"_type":%q,"subject":[{"name":"m","digest":{"sha256":"%x"}}],"predicateType":%q,"predicate":{"resources":[%s],"serialization":{%s}}}`,
		statementType, sha256.Sum256(all), predicateType, strings.Join(list, ","), serialization)
}

// FuzzStatement reads what stands behind a good signature: a publisher may be
// hostile too. What is accepted equals itself and nothing else.
func FuzzStatement(f *testing.F) {
	const common = `"hash_type":"sha256","allow_symlinks":false,"ignore_paths":[".git","a/b"],"method":`
	f.Add(payload(common+`"files"`, "a", "b/c"))
	f.Add(payload(common+`"files"`, "."))
	f.Add(payload(common+`"shards","shard_size":8.0`, "a:0:8", "a:8:16", "a:16:17", "b:c:0:1"))
	for _, seed := range [][]byte{payload(common+`"files"`, "a", "b/c"), payload(common+`"shards","shard_size":8`, "a:0:8", "a:8:9")} {
		if _, err := parseStatement(seed); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseStatement(b)
		if err != nil {
			if s != nil {
				t.Fatal("a statement with an error")
			}
			return
		}
		files, resources := signedFiles(s)
		if resources != len(s.Resources) {
			t.Fatalf("%d digests in files, %d in resources", resources, len(s.Resources))
		}
		if diffs := s.Compare(files, ""); diffs != nil {
			t.Fatalf("the signed files differ from themselves: %v", diffs)
		}
		if ignored := s.Ignored(files, ""); ignored != nil {
			t.Fatalf("signed files are ignored: %q", ignored)
		}
		if len(s.Compare(append(files, File{Path: "\xff", Size: 1}), "")) == 0 {
			t.Fatal("an added file is no difference")
		}
		if len(s.Compare(files[1:], "")) != 1 {
			t.Fatal("a missing file is no difference")
		}
		files[0].Size++
		files[0].SHA256[0]++
		if len(s.Compare(files, "")) != 1 {
			t.Fatal("a changed file is no difference")
		}
	})
}

// signedFiles makes the files that a statement asks for, as a walk would find
// them, and counts the digests in them.
func signedFiles(s *Statement) (list []File, digests int) {
	for name, signed := range s.files {
		f := File{Path: name, SHA256: signed.digests[0]}
		if signed.ranges != nil {
			f.Size = signed.size()
			f.Shards = signed.digests[:len(s.Shards(name, f.Size))]
		}
		digests += len(signed.digests)
		list = append(list, f)
	}
	return list, digests
}
