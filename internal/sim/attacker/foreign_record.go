package attacker

import (
	"context"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify/client"
)

// foreignRecord asks the honest node with a key that its operator listed for the purpose, and presents the record that he
// signed himself: times, TLS key and exporter in it are his word.
func foreignRecord(ctx context.Context, s *Scene) (Verdict, error) {
	p, err := takeApart(s.Node.Record)
	if err != nil {
		return Verdict{}, err
	}
	record, _, err := ask(ctx, s.Node.URL, s.Mallory.Key, p.bound.UEID, client.Question{Kinds: attest.Built(), Logs: client.WholeLogs()})
	if err != nil {
		return Verdict{}, err
	}
	return s.judge(record)
}
