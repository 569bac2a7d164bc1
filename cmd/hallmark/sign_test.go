package main

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hallmark-attest/hallmark/engine/modelsig"
	"github.com/hallmark-attest/hallmark/sign"
)

// signModel DIR KEY OUT [SIZE] signs a model directory as a publisher does (OMS v1.0, key form), by files or by ranges of SIZE bytes.
func signModel(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 && len(args) != 4 {
		ts.Fatalf("usage: signmodel DIR KEY OUT [SIZE]")
	}
	serialization, shard := map[string]any{"method": "files", "hash_type": "sha256", "allow_symlinks": false, "ignore_paths": []string{}}, 0
	if len(args) == 4 {
		var err error
		shard, err = strconv.Atoi(args[3])
		ts.Check(err)
		serialization["method"], serialization["shard_size"] = "shards", shard
	}
	key, err := sign.ParsePrivateKey([]byte(ts.ReadFile(args[1])))
	ts.Check(err)
	resources, root := []any{}, sha256.New()
	ts.Check(fs.WalkDir(os.DirFS(ts.MkAbs(args[0])), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(os.DirFS(ts.MkAbs(args[0])), path)
		add := func(name string, b []byte) {
			sum := sha256.Sum256(b)
			root.Write(sum[:])
			resources = append(resources, map[string]any{"name": name, "digest": hex.EncodeToString(sum[:]), "algorithm": "sha256"})
		}
		if shard == 0 {
			add(path, b)
			return err
		}
		at := 0
		for part := range slices.Chunk(b, shard) {
			add(fmt.Sprintf("%s:%d:%d", path, at, at+len(part)), part)
			at += len(part)
		}
		return err
	}))
	statement, err := json.Marshal(map[string]any{"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://model_signing/signature/v1.0",
		"subject": []any{map[string]any{"name": "m", "digest": map[string]any{"sha256": hex.EncodeToString(root.Sum(nil))}}},
		"predicate": map[string]any{"resources": resources,
			"serialization": serialization}})
	ts.Check(err)
	bundle, err := bundleOf(key, statement)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), bundle, 0o644))
}

func bundleOf(key *ecdsa.PrivateKey, statement []byte) ([]byte, error) {
	const typ = "application/vnd.in-toto+json"
	digest := sha256.Sum256(append(fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(typ), typ, len(statement)), statement...))
	sig, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		return nil, err
	}
	hint, err := modelsig.KeyHint(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	b64 := base64.StdEncoding.EncodeToString
	return json.Marshal(map[string]any{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
		"verificationMaterial": map[string]any{"publicKey": map[string]any{"hint": hint}, "tlogEntries": []any{}},
		"dsseEnvelope":         map[string]any{"payloadType": typ, "payload": b64(statement), "signatures": []any{map[string]any{"sig": b64(sig), "keyid": nil}}}})
}
