package stretch

import (
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// chain is a chain of which the genesis document is known.
type chain struct {
	head telemetry.Head // its start
	doc  *telemetry.Genesis
}

func start(genesis attest.Digest) telemetry.Head {
	return telemetry.Head{Genesis: genesis, Hash: genesis}
}

// lineage reads genesis documents, each of which the one before it must name.
func lineage(docs [][]byte) (out []chain, err error) {
	if len(docs) == 0 {
		return nil, errors.New("telemetry: no genesis document")
	}
	for i, b := range docs {
		g, err := telemetry.ParseGenesis(b)
		if err != nil {
			return nil, err
		}
		h := telemetry.Start(b)
		if i > 0 && (out[i-1].doc.Previous == nil || out[i-1].doc.Previous.Genesis != h.Genesis) {
			return nil, errors.New("telemetry: a genesis document that the chain behind it does not name")
		}
		out = append(out, chain{h, g})
	}
	return out, nil
}

func (w *walk) document(genesis attest.Digest) *telemetry.Genesis {
	for _, c := range w.chains {
		if c.head.Genesis == genesis {
			return c.doc
		}
	}
	return nil
}

// follows holds where the chain named next begins with the statement that it comes
// behind at. Chains between them that have no record are passed over: an agent that
// is started again and again leaves such.
func (w *walk) follows(at telemetry.Head, next attest.Digest) error {
	for range w.chains {
		doc := w.document(next)
		switch {
		case doc == nil || doc.Previous == nil:
			return fmt.Errorf("a change to a chain that does not say which was before it: %w", ErrNotQuoted)
		case *doc.Previous == at:
			return nil
		case doc.Previous.Index > 0:
			return fmt.Errorf("the next chain follows record %d of %s, not record %d of %s: %w",
				doc.Previous.Index, doc.Previous.Genesis.Short(), at.Index, at.Genesis.Short(), ErrNotQuoted)
		}
		next = doc.Previous.Genesis
	}
	return fmt.Errorf("chains that name each other: %w", ErrNotQuoted)
}
