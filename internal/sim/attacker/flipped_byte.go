package attacker

import (
	"bytes"
	"context"
	"errors"
)

// flippedByte flips one bit of the evidence after it was signed and before TLS protects it, where a network between the
// node's halves, a proxy of the provider or bad memory could: the first letter of a GPU's model changes. Nothing
// else differs from an honest answer. (Flipped inside TLS, no answer arrives at all.)
func flippedByte(ctx context.Context, s *Scene) (Verdict, error) {
	hit := false
	flip := func(envelope []byte) []byte {
		if i := bytes.Index(envelope, []byte("H100")); i >= 0 {
			envelope[i] ^= 1
			hit = true
		}
		return envelope
	}
	v, err := s.malloryEnrolled(ctx, Plan{Transit: flip})
	if err == nil && !hit {
		err = errors.New("the evidence names no H100 whose name could be changed")
	}
	return v, err
}
