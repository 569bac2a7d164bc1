package verify

import (
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// Beside is another record of the same node, authenticated as the one that is
// judged is: by the same key, with the same node record. What spans both is judged with it.
type Beside struct {
	auth  *Authenticated
	chain *quotedChain
	shown *stretch.Stretch // its own window, nil where it has none that hashes to its head
}

// ErrBeside says that a record given beside another cannot stand there.
var ErrBeside = errors.New("not an authentic answer of this node to this validator")

// Beside opens and authenticates a record to be given as Options.With. Its age is not asked: an older one is what is wanted.
func (v *Verifier) Beside(record []byte, o Options) (*Beside, error) {
	o.MaxAge, o.Stored, o.With = 0, nil, nil
	op, refused, err := v.Open(record, o)
	if err != nil {
		return nil, err
	}
	var a *Authenticated
	if refused == nil {
		a, refused = v.Authenticate(op)
	}
	if refused != nil {
		f, _ := refused.Primary()
		return nil, fmt.Errorf("%w: %s: %s", ErrBeside, f.ID, f.Sentence)
	}
	b := &Beside{auth: a}
	if b.chain, err = chainOf(a); err != nil || b.chain == nil {
		return b, err
	}
	if w := a.window; w != nil && w.Absent == nil {
		// A window that does not fit is nothing; that it was not the node's fault was said when it was judged.
		b.shown, _ = stretch.Open(stretch.Source{Chunks: w.Chunks, Genesis: b.chain.documents(), Head: b.chain.head})
	}
	return b, nil
}

// TelemetryPoint reads from a record, unchecked, which node was asked and at which
// record of its telemetry it stood: what to ask for since then.
func TelemetryPoint(record []byte) (attest.UEID, *attest.ChainPoint, error) {
	ueid, c, err := peekTelemetry(record)
	if err != nil {
		return ueid, nil, err
	}
	h := c.Head()
	return ueid, &attest.ChainPoint{Genesis: h.Genesis, Index: h.Index}, nil
}

func peekTelemetry(record []byte) (ueid attest.UEID, c *telemetry.Claims, err error) {
	r, err := peekRecord(record)
	if err != nil {
		return ueid, nil, err
	}
	b, err := peekBound(r)
	if err != nil {
		return ueid, nil, err
	}
	body, ok := b.Submods[attest.KindTelemetry]
	if !ok {
		return b.UEID, nil, errors.New("its evidence states no telemetry")
	}
	c, err = telemetry.Parse(body)
	return b.UEID, c, err
}

// TelemetrySource reads from a record with a window, or a history file, what package
// stretch opens, unchecked. Of a record the head is the one its evidence states; of a
// history the last chunk's own, so that its records are tied to nothing but each other.
func TelemetrySource(b []byte) (src stretch.Source, quoted bool, err error) {
	if h, err := telemetry.ParseHistory(b); err == nil {
		if len(h.Chunks) == 0 {
			return src, false, errors.New("a history without records")
		}
		last, err := telemetry.ParseChunk(h.Chunks[len(h.Chunks)-1])
		if err != nil {
			return src, false, err
		}
		return stretch.Source{Chunks: h.Chunks, Genesis: h.Genesis, Head: last.End()}, false, nil
	}
	_, c, err := peekTelemetry(b)
	if err != nil {
		return src, false, err
	}
	r, err := peekRecord(b)
	if err != nil {
		return src, false, err
	}
	resp, err := attest.ParseResponse(r.Response)
	switch {
	case err != nil:
		return src, false, err
	case resp.Window == nil:
		return src, false, errors.New("the record has no telemetry window: ask with hallmark challenge --window or --since")
	case resp.Window.Absent != nil:
		return src, false, fmt.Errorf("the node sent no telemetry window: %s: %s", resp.Window.Absent.Reason, attest.Clean(resp.Window.Absent.Detail))
	}
	return stretch.Source{Chunks: resp.Window.Chunks, Genesis: append([][]byte{c.Genesis}, c.Ancestors...), Head: c.Head()}, true, nil
}
