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
	downCast            string // likewise
	exchanged           string // the model that lies under the honest one's path, which then lies under its own; "" for none
}

var _ attacker.Engine = (*stage)(nil)

// Honest implements attacker.Engine.
func (s *stage) Honest(ctx context.Context) error { return s.serve(ctx, s.files.binary, "") }

// OtherBinary implements attacker.Engine.
func (s *stage) OtherBinary(ctx context.Context) error {
	return s.serve(ctx, s.files.otherBinary, "")
}

// OtherWeights implements attacker.Engine.
func (s *stage) OtherWeights(ctx context.Context) error {
	return s.serve(ctx, s.files.binary, s.files.otherModel)
}

// DownCast implements attacker.Engine.
func (s *stage) DownCast(ctx context.Context) error {
	return s.serve(ctx, s.files.binary, s.files.downCast)
}

// WeightsBeside implements attacker.Engine.
func (s *stage) WeightsBeside(ctx context.Context) error {
	if err := s.place(""); err != nil {
		return err
	}
	return s.engine.Run(ctx, s.files.binary, filepath.Join(s.files.otherModel, engine.File))
}

// serve starts a program over the model at the enrolled path.
func (s *stage) serve(ctx context.Context, binary, model string) error {
	if err := s.place(model); err != nil {
		return err
	}
	return s.engine.Run(ctx, binary, filepath.Join(s.files.model, engine.File))
}

// place puts the wanted model under the enrolled path, "" for the enrolled one, each in one step as a provider does who
// wants no gap.
func (s *stage) place(model string) error {
	if s.files.exchanged == model {
		return nil
	}
	for _, other := range []string{s.files.exchanged, model} {
		if other == "" {
			continue
		}
		if err := unix.Renameat2(unix.AT_FDCWD, s.files.model, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE); err != nil {
			return fmt.Errorf("exchange models: %w", err)
		}
		if s.files.exchanged = ""; other == model {
			s.files.exchanged = model
		}
	}
	return nil
}
