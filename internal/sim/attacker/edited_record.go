package attacker

import (
	"bytes"
	"context"
)

// editedRecord changes a byte in the file that the validator keeps: the last of the response, just before the signature.
func editedRecord(_ context.Context, s *Scene) (Verdict, error) {
	p, err := takeApart(s.Node.Record)
	if err != nil {
		return Verdict{}, err
	}
	record := bytes.Clone(s.Node.Record)
	end := bytes.Index(record, p.record.Response) + len(p.record.Response)
	record[end-1] ^= 1
	return s.judge(record)
}
