package agent

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// Limits of the list of validators.
const (
	maxValidators = 4096
	maxKeyFile    = 16 << 10
)

// Keyring holds the public keys of listed validators. Load replaces all of
// them at once or, where any file is bad, none: half a list would refuse
// validators without saying so.
type Keyring struct {
	globs []string
	keys  atomic.Pointer[map[attest.Digest]*ecdsa.PublicKey]
}

// NewKeyring reads the files that match globs.
func NewKeyring(globs []string) (*Keyring, error) {
	k := &Keyring{globs: globs}
	_, err := k.Load()
	return k, err
}

// Load reads the files again and returns the number of keys.
func (k *Keyring) Load() (int, error) {
	keys := map[attest.Digest]*ecdsa.PublicKey{}
	for _, g := range k.globs {
		files, err := filepath.Glob(g)
		if err != nil {
			return 0, fmt.Errorf("validators.keys: %q: %w", g, err)
		}
		for _, f := range files {
			pub, err := readPublicKey(f)
			if err != nil {
				return 0, fmt.Errorf("validators.keys: %s: %w: repair or remove the file", f, err)
			}
			id, err := attest.KeyDigest(pub)
			if err != nil {
				return 0, fmt.Errorf("validators.keys: %s: %w", f, err)
			}
			if keys[id] = pub; len(keys) > maxValidators {
				return 0, fmt.Errorf("validators.keys: more than %d keys", maxValidators)
			}
		}
	}
	k.keys.Store(&keys)
	return len(keys), nil
}

// Lookup returns the listed key with this digest, or nil.
func (k *Keyring) Lookup(id attest.Digest) *ecdsa.PublicKey { return (*k.keys.Load())[id] }

// Len returns the number of listed keys.
func (k *Keyring) Len() int { return len(*k.keys.Load()) }

func readPublicKey(path string) (*ecdsa.PublicKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxKeyFile {
		return nil, errors.New("not a key file: too large")
	}
	return sign.ParsePublicKey(b)
}
