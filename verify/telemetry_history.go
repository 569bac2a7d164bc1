package verify

import (
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// Node is whose record it is.
func (b *Beside) Node() attest.UEID { return b.auth.bound.UEID }

// Telemetry returns the quoted head of the node's chain with the claims it stands in; nil where none are stated.
func (b *Beside) Telemetry() (telemetry.Head, *telemetry.Claims) {
	if b.chain == nil {
		return telemetry.Head{}, nil
	}
	return b.chain.head, b.chain.Claims
}

// HistoryCheck is what a stored history was found to be.
type HistoryCheck struct {
	Records     uint64
	First, Last uint64
	Anchors     int // heads of these records with a quote by the node's attestation key
}

// CheckHistory holds a history of the quoted chain against the record's quoted head:
// chunks and trail must lead there, and each anchor must be a quote by the node's
// attestation key over a head on that way.
func (b *Beside) CheckHistory(h *telemetry.History) (*HistoryCheck, error) {
	if b.chain == nil {
		return nil, errors.New("the record states no telemetry")
	}
	q, out := b.chain, &HistoryCheck{}
	if telemetry.Start(h.Genesis[0]).Genesis != q.head.Genesis {
		return nil, errors.New("it is of another chain than the one quoted")
	}
	heads := map[telemetry.Head]bool{} // of anchors: whether one of these records makes it
	for _, a := range h.Anchors {
		heads[a.Head] = false
	}
	meet := func(at telemetry.Head) {
		if _, anchored := heads[at]; anchored {
			heads[at] = true
		}
	}
	at := telemetry.Start(h.Genesis[0])
	err := stretch.Each(stretch.Source{Chunks: h.Chunks, Genesis: h.Genesis, Trail: h.Trail, Head: q.head}, func(e stretch.Entry) error {
		if out.Records++; out.First == 0 {
			out.First = e.Head.Index
		}
		out.Last, at = e.Head.Index, e.Head
		meet(at)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, r := range h.Trail {
		at = at.Step(r)
		meet(at)
	}
	return out, b.anchors(h.Anchors, heads, out)
}

func (b *Beside) anchors(list []telemetry.Anchor, heads map[telemetry.Head]bool, out *HistoryCheck) error {
	if len(list) == 0 {
		return nil
	}
	if b.auth.tpmClaims == nil {
		return errors.New("anchors of a node without attestation key")
	}
	ak, err := tpm.ParseAK(b.auth.tpmClaims.AK)
	if err != nil {
		return err
	}
	quoted := map[telemetry.Head]bool{}
	for _, a := range list {
		if !heads[a.Head] {
			return fmt.Errorf("an anchor of record %d, which is none of these", a.Head.Index)
		}
		// An anchor carries no register values, and none are looked at: what counts is what was signed when.
		x, err := tpm.ParseQuoted(tpm.Quote{Attest: a.Attest, Signature: a.Signature, PCRs: map[uint][]byte{0: {0}}})
		if err != nil {
			return fmt.Errorf("anchor of record %d: %w", a.Head.Index, err)
		}
		if err := errors.Join(x.CheckMagic(), x.CheckType(), x.CheckExtraData(a.Head.Anchor()), x.CheckSigner(ak), x.CheckSignature(ak)); err != nil {
			return fmt.Errorf("anchor of record %d: %w", a.Head.Index, err)
		}
		quoted[a.Head] = true
	}
	out.Anchors = len(quoted)
	return nil
}
