package main

import (
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/history"
)

// openHistory gives the options what is kept of the record's node; nil without --history.
func (f *verifyFlags) openHistory(v *verify.Verifier, path string, record []byte, o *verify.Options) (*history.Store, error) {
	if f.history == "" {
		if f.key != "" {
			return nil, errors.New("--key signs verdicts for --history: give both")
		}
		return nil, nil
	}
	store, err := history.Open(f.history)
	if err != nil {
		return nil, err
	}
	ueid, sent, err := verify.Peek(record)
	if err != nil {
		return nil, unlike(path, record, fmt.Errorf("%s: %w", path, err), sortRecord)
	}
	if o.History, err = store.Load(ueid, sent, v.Key()); err != nil {
		return nil, err
	}
	return store, store.GPUs(o.History, ueid, verify.PeekGPUs(record), v.Key())
}

// appendHistory adds the verdict, signed by the key that the next reading will believe.
func (f *verifyFlags) appendHistory(store *history.Store, v *verify.Verifier, r *verify.Result) error {
	key, err := readPrivateKey(f.key)
	if err != nil {
		return err
	}
	if !key.PublicKey.Equal(v.Key()) {
		return errors.New("--key is not the validator's key of this record: its verdicts would not be believed")
	}
	return store.Append(key, r)
}
