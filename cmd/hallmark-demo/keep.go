package main

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
	"github.com/hallmark-attest/hallmark/sign"
)

// Names of the files that --keep leaves.
const (
	keptKey       = "validator.key"
	keptPublic    = "validator.key.pub"
	keptNode      = "node.json"
	keptReference = "reference.json"
	keptAnswer    = "answer.hm"
)

// prepareKeep makes the folder and refuses one that holds files of these names: keys are never overwritten.
func prepareKeep(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{keptKey, keptPublic, keptNode, keptReference, keptAnswer} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("%s exists: choose another folder for --keep", filepath.Join(dir, name))
		}
	}
	return nil
}

func keepFiles(dir string, key *ecdsa.PrivateKey, n attacker.Honest, reference []byte) error {
	if dir == "" {
		return nil
	}
	private, err := sign.MarshalPrivateKey(key)
	if err != nil {
		return err
	}
	public, err := sign.MarshalPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	write := func(name string, b []byte, mode os.FileMode) error {
		return os.WriteFile(filepath.Join(dir, name), b, mode)
	}
	return errors.Join(write(keptKey, private, 0o600), write(keptPublic, public, 0o644), write(keptNode, n.File, 0o644),
		write(keptReference, reference, 0o644), write(keptAnswer, n.Record, 0o644))
}

// sayKept prints how to judge the kept answer by hand.
func sayKept(dir string) {
	in := func(name string) string { return filepath.Join(dir, name) }
	say("kept %s; judge the answer by hand:", dir)
	fmt.Fprintf(os.Stderr, "  hallmark verify %s --node %s --validator %s --reference %s --reference-key %s --unsafe-demo-roots\n",
		in(keptAnswer), in(keptNode), in(keptPublic), in(keptReference), in(keptPublic))
}
