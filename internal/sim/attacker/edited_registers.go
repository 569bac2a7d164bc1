package attacker

import (
	"context"

	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// editedRegisters has a genuine quote made and shows, beside it, register values of a machine that booted what it should.
func editedRegisters(ctx context.Context, s *Scene) (Verdict, error) {
	return s.malloryEnrolled(ctx, Plan{Quoted: func(q *tpm.Quote) {
		for i := range q.PCRs {
			if i <= 7 { // the firmware's registers
				q.PCRs[i] = make([]byte, len(q.PCRs[i]))
			}
		}
		q.PCRs[7][0] = 1
	}})
}
