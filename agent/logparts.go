package agent

import (
	"context"

	"github.com/hallmark-attest/hallmark/attest"
)

// maxLogReaders bounds the answers that are being put together with logs: each may hold MaxResponseSize.
const maxLogReaders = 2

// logs reads what a challenge asks for. It runs after the quote: a list that
// grows meanwhile then holds at least what was quoted.
// Logs name programs and files of the whole host, so only listed validators get them.
func (f *Frontend) logs(ctx context.Context, wanted *attest.Logs, listed bool) (map[string]attest.Part, error) {
	out := map[string]attest.Part{}
	offsets := wanted.Offsets()
	if len(offsets) == 0 {
		return out, nil
	}
	if !listed {
		for name, offset := range offsets {
			a := attest.Absent(name, attest.NotConfigured, "logs are sent to listed validators alone")
			out[name] = attest.Part{Offset: offset, Bytes: []byte{}, Absent: &a}
		}
		return out, nil
	}
	select {
	case f.logReaders <- struct{}{}:
		defer func() { <-f.logReaders }()
	case <-ctx.Done():
		return nil, refuse(attest.ProblemTimeout, "logs were not read before the challenge's end of life")
	}
	for name, offset := range offsets {
		part, err := f.logPart(ctx, name, offset)
		if err != nil {
			return nil, err
		}
		out[name] = *part
	}
	return out, nil
}

// logPart reads one log from an offset, up to its limit.
func (f *Frontend) logPart(ctx context.Context, name string, offset uint64) (*attest.Part, error) {
	part := &attest.Part{Offset: offset, Bytes: []byte{}, More: true}
	for part.More && len(part.Bytes) < attest.MaxLogSize {
		most := min(attest.MaxLogSize-len(part.Bytes), maxLogChunk)
		next, err := f.half.Log(ctx, &LogParams{Name: name, Offset: offset + uint64(len(part.Bytes)), Most: uint32(most)})
		if err != nil {
			return nil, err
		}
		if next.Absent != nil {
			return &attest.Part{Offset: offset, Bytes: []byte{}, Absent: next.Absent}, nil
		}
		part.Bytes = append(part.Bytes, next.Bytes[:min(len(next.Bytes), most)]...)
		part.More = next.More && len(next.Bytes) > 0 // a log that says more and gives nothing has ended
	}
	return part, nil
}
