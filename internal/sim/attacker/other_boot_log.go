package attacker

import (
	"context"
	"maps"

	"github.com/hallmark-attest/hallmark/attest"
)

// otherBootLog hides how a machine was started: it shows a log, genuine too, of
// a start that its registers do not hold. Nothing is contradicted, for nobody
// signed the log; it is only worth nothing.
func otherBootLog(ctx context.Context, s *Scene) (Verdict, error) {
	return s.malloryEnrolled(ctx, Plan{Logs: func(honest map[string]attest.Part) map[string]attest.Part {
		logs := maps.Clone(honest)
		logs[attest.LogBoot] = attest.Part{Bytes: s.OtherBoot}
		return logs
	}})
}
