package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify"
)

// windowRequest is what --window or --since asks for, and whose record the latter is; nil for neither.
func (f *challengeFlags) windowRequest() (*attest.WindowRequest, attest.UEID, error) {
	var none attest.UEID
	switch {
	case f.window != 0 && f.since != "":
		return nil, none, errors.New("--window and --since exclude each other: records before this answer, or since an earlier one")
	case f.window != 0:
		if f.window < time.Second || f.window > attest.MaxWindowSeconds*time.Second || f.window%time.Second != 0 {
			return nil, none, fmt.Errorf("--window %s: want whole seconds, 1s to %s", f.window, attest.MaxWindowSeconds*time.Second)
		}
		return &attest.WindowRequest{Seconds: uint32(f.window / time.Second)}, none, nil
	case f.since == "":
		return nil, none, nil
	}
	b, err := readFile(f.since, attest.MaxRecordSize)
	if err != nil {
		return nil, none, err
	}
	of, point, err := verify.TelemetryPoint(b)
	if err != nil {
		return nil, none, unlike("--since "+f.since, b, fmt.Errorf("--since %s: %w", f.since, err), sortRecord)
	}
	return &attest.WindowRequest{Since: point}, of, nil
}

// notBeside is why the record of --with does not count, and what to do.
func notBeside(path string, b []byte, err error) error {
	if errors.Is(err, verify.ErrBeside) {
		return fmt.Errorf("--with %s: %w\n  fix: give an answer that hallmark verify accepts with the same --node and --validator", path, err)
	}
	return unlike("--with "+path, b, fmt.Errorf("--with %s: %w", path, err), sortRecord)
}

// beside opens the records of --with.
func (f *verifyFlags) beside(v *verify.Verifier, o *verify.Options) error {
	for _, path := range f.with {
		b, err := readFile(path, attest.MaxRecordSize)
		if err != nil {
			return err
		}
		r, err := v.Beside(b, *o)
		if err != nil {
			return notBeside(path, b, err)
		}
		o.With = append(o.With, r)
	}
	return nil
}
