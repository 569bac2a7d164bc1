package main

import (
	"context"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
	"github.com/hallmark-attest/hallmark/internal/sim/engine"
)

// engineFiles are the programs and models that take turns at the honest node's endpoint. The agent hashes files that
// changed less than two seconds ago once more later, so all are written first.
type engineFiles struct {
	binary, otherBinary string
	model, otherModel   string // directories
	exchanged           bool   // the other model lies under the honest one's path
}

var _ attacker.Engine = (*stage)(nil)

// Honest implements attacker.Engine.
func (s *stage) Honest(ctx context.Context) error { return s.serve(ctx, s.files.binary, false) }

// OtherBinary implements attacker.Engine.
func (s *stage) OtherBinary(ctx context.Context) error {
	return s.serve(ctx, s.files.otherBinary, false)
}

// OtherWeights implements attacker.Engine.
func (s *stage) OtherWeights(ctx context.Context) error { return s.serve(ctx, s.files.binary, true) }

// WeightsBeside implements attacker.Engine.
func (s *stage) WeightsBeside(ctx context.Context) error {
	if err := s.place(false); err != nil {
		return err
	}
	return s.engine.Run(ctx, s.files.binary, filepath.Join(s.files.otherModel, engine.File))
}

// serve starts a program over the model at the enrolled path.
func (s *stage) serve(ctx context.Context, binary string, otherModel bool) error {
	if err := s.place(otherModel); err != nil {
		return err
	}
	return s.engine.Run(ctx, binary, filepath.Join(s.files.model, engine.File))
}

// place puts the wanted model under the enrolled path, in one step as a provider does who wants no gap.
func (s *stage) place(otherModel bool) error {
	if s.files.exchanged == otherModel {
		return nil
	}
	if err := unix.Renameat2(unix.AT_FDCWD, s.files.model, unix.AT_FDCWD, s.files.otherModel, unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("exchange models: %w", err)
	}
	s.files.exchanged = otherModel
	return nil
}
