package agent

import (
	"context"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

// quotingHalf tells that it quotes and goes on when the asker has heard it.
type quotingHalf struct {
	echoHalf
	heard chan struct{}
}

func (h quotingHalf) Evidence(ctx context.Context, p *EvidenceParams) ([]byte, error) {
	quoting(ctx)
	<-h.heard
	return p.Root[:], nil
}

func TestLinkTellsWhenEvidenceIsBeingQuoted(t *testing.T) {
	h := quotingHalf{heard: make(chan struct{}, 1)}
	eachLink(t, h, func(t *testing.T, c *LinkClient) {
		for range 2 {
			ctx := withQuoting(t.Context(), func() { h.heard <- struct{}{} })
			if b, err := c.Evidence(ctx, &EvidenceParams{Root: attest.Digest{7}}); err != nil || b[0] != 7 {
				t.Fatal(b, err)
			}
		}
		if _, err := c.Identity(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestWhoDidNotAskToBeToldIsNot(t *testing.T) {
	quoting(t.Context())
	h := echoHalf{}
	eachLink(t, h, func(t *testing.T, c *LinkClient) {
		told := false
		if _, err := c.Evidence(withQuoting(t.Context(), func() { told = true }), &EvidenceParams{}); err != nil || told {
			t.Error(told, err)
		}
	})
}

func TestCollectorTellsOnceItHasBound(t *testing.T) {
	n := startNode(t, nodeOptions{})
	before, told := n.tpm.quotes.Load(), 0
	ctx := withQuoting(t.Context(), func() {
		told++
		if n.tpm.quotes.Load() != before {
			t.Error("told after the quote")
		}
	})
	if _, err := n.collector.Evidence(ctx, &EvidenceParams{Class: attest.ClassFast, Front: FrontInputs{Config: n.config.Digest}}); err != nil || told != 1 {
		t.Error(told, err)
	}
	if _, err := n.collector.Evidence(ctx, &EvidenceParams{Class: attest.ClassFast, Front: FrontInputs{Config: attest.Digest{9}}}); err == nil || told != 1 {
		t.Error("told though nothing was bound:", told, err)
	}
}
