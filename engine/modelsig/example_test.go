package modelsig_test

import (
	"crypto/elliptic"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/hallmark-attest/hallmark/engine/modelsig"
)

// A publisher signed two files. On the host one weight file is another, and a
// Python module that nobody signed lies beside it.
func Example() {
	var t testing.T // the writer of these tests wants one; it does not fail here
	publisher := newKey(&t, elliptic.P256())
	signed := model{"config.json": "{}", "model.safetensors": "weights"}
	bundle := signer{key: publisher}.sign(&t, statement(signed.resources(), filesOf(".git")))

	s, err := modelsig.Open(bundle, &publisher.PublicKey)
	if err != nil {
		fmt.Println(err)
		return
	}
	found := []modelsig.File{
		{Path: ".git/HEAD", Size: 3, SHA256: sha256.Sum256([]byte("ref"))},
		{Path: "config.json", Size: 2, SHA256: sha256.Sum256([]byte("{}"))},
		{Path: "model.safetensors", Size: 7, SHA256: sha256.Sum256([]byte("others!"))},
		{Path: "model.sig", Size: uint64(len(bundle)), SHA256: sha256.Sum256(bundle)},
		{Path: "modeling.py", Size: 9, SHA256: sha256.Sum256([]byte("import os"))},
	}
	fmt.Println(s.Subject.Name, len(s.Resources), "signed")
	for _, d := range s.Compare(found, "model.sig") {
		fmt.Println(d.Path, d.Change)
	}
	fmt.Println("not covered:", s.Ignored(found, "model.sig"))
	// Output:
	// my-model 2 signed
	// model.safetensors different
	// modeling.py extra
	// not covered: [.git/HEAD model.sig]
}
