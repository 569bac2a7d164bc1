package attacker

import "context"

// foreignRecord asks the honest node with a key that its operator listed for the purpose, and presents the record that he
// signed himself: times, TLS key and exporter in it are his word.
func foreignRecord(ctx context.Context, s *Scene) (Verdict, error) {
	p, err := takeApart(s.Node.Record)
	if err != nil {
		return Verdict{}, err
	}
	record, _, err := ask(ctx, s.Node.URL, s.Mallory.Key, p.bound.UEID)
	if err != nil {
		return Verdict{}, err
	}
	return s.judge(record)
}
