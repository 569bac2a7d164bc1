package attacker

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/hallmark-attest/hallmark/agent"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/sign"
)

// Plan is where a dishonest node departs from an honest one. The zero value departs nowhere.
type Plan struct {
	Addressed  *attest.UEID                   // answers to this name, and states its own
	Name       *attest.UEID                   // states this name too
	Key        attestationKey                 // poses as the attestation key
	WithoutTPM bool                           // neither claims nor quote
	BeforeTPM  func(*attest.Bound) error      // edits claims, then quotes
	Quoted     func(*tpm.Quote)               // edits what stands beside the quote
	AfterTPM   func(*attest.Bound) error      // edits claims under an old quote, signs the envelope again
	Transit    func(envelope []byte) []byte   // changes bytes after the signature
	Parameters func(*attest.Parameters) error // edits what enrolment is shown
	// Logs makes the logs that are shown of the honest node's.
	Logs func(map[string]attest.Part) map[string]attest.Part
	// Blocks proves weights, or poses as if; nil: says that they are not read yet.
	Blocks func(*agent.PrepareParams) (*agent.Parts, error)
}

// attestationKey poses as the attestation key of a TPM.
type attestationKey interface {
	Public() []byte // TPMT_PUBLIC
	Name() []byte
	Quote(qualifying attest.Digest) (tpm.Quote, error)
}

// collector is a dishonest half. Claims other than the TPM's are the honest node's own.
type collector struct {
	plan  Plan
	tpm   agent.TPM
	key   *ecdsa.PrivateKey      // evidence key
	model attest.Bound           // from the honest node's answer
	logs  map[string]attest.Part // likewise, whole
}

func (c *collector) name() attest.UEID {
	if c.plan.Name != nil {
		return *c.plan.Name
	}
	if c.plan.Key != nil {
		return attest.UEIDFromAK(c.plan.Key.Name())
	}
	return attest.UEIDFromAK(c.tpm.AKName())
}

// Identity implements agent.Half.
func (c *collector) Identity(context.Context) (*agent.NodeIdentity, error) {
	k, err := attest.KeyDigest(&c.key.PublicKey)
	if err != nil {
		return nil, err
	}
	id := &agent.NodeIdentity{UEID: c.name(), EvidenceKey: k, TPM: true, Version: "1"}
	if c.plan.Addressed != nil {
		id.UEID = *c.plan.Addressed
	}
	return id, nil
}

// Prepare implements agent.Half.
func (c *collector) Prepare(_ context.Context, p *agent.PrepareParams) (*agent.Parts, error) {
	if c.plan.Blocks != nil {
		return c.plan.Blocks(p)
	}
	out := &agent.Parts{}
	for _, r := range p.Blocks {
		out.Blocks = append(out.Blocks, attest.NoBlocks(r.Model, attest.NotYet, "not asked of this attack"))
	}
	return out, nil
}

// Log implements agent.Half: the honest node's logs, which whoever holds root can read.
func (c *collector) Log(_ context.Context, p *agent.LogParams) (*attest.Part, error) {
	part, ok := c.logs[p.Name]
	if !ok {
		a := attest.Absent(p.Name, attest.NotConfigured, "no such log")
		return &attest.Part{Offset: p.Offset, Bytes: []byte{}, Absent: &a}, nil
	}
	rest := part.Bytes[min(p.Offset, uint64(len(part.Bytes))):]
	n := min(len(rest), int(p.Most))
	return &attest.Part{Offset: p.Offset, Bytes: rest[:n], More: n < len(rest)}, nil
}

// Activate implements agent.Half: it asks the genuine TPM, whatever it showed of it.
func (c *collector) Activate(ctx context.Context, p *agent.ActivateParams) ([]byte, error) {
	if p.Step == attest.StepActivate {
		secret, err := c.tpm.Activate(ctx, p.EK, p.Credential, p.Secret)
		if err != nil {
			return nil, &agent.Refusal{Name: attest.ProblemActivation, Detail: err.Error()}
		}
		return attest.Marshal(attest.Activated{Secret: secret})
	}
	params, err := c.tpm.Parameters(ctx)
	if err == nil && c.plan.Parameters != nil {
		err = c.plan.Parameters(params)
	}
	if err != nil {
		return nil, err
	}
	return attest.Marshal(params)
}

// Evidence implements agent.Half: the honest order of measuring, binding, quoting and sealing, with the plan's hooks in it.
func (c *collector) Evidence(ctx context.Context, p *agent.EvidenceParams) ([]byte, error) {
	b, err := c.bound(ctx, p)
	if err == nil && c.plan.BeforeTPM != nil {
		err = c.plan.BeforeTPM(b)
	}
	if err != nil {
		return nil, err
	}
	roots, err := c.quote(ctx, b)
	if err == nil && c.plan.AfterTPM != nil {
		err = c.plan.AfterTPM(b)
	}
	if err != nil {
		return nil, err
	}
	raw, err := attest.Marshal(b)
	if err != nil {
		return nil, err
	}
	payload, err := attest.Marshal(attest.Evidence{Profile: attest.Profile, Bound: raw, Roots: roots})
	if err != nil {
		return nil, err
	}
	envelope, err := sign.Seal(c.key, attest.TypeEvidence, payload)
	if err == nil && c.plan.Transit != nil {
		envelope = c.plan.Transit(envelope)
	}
	return envelope, err
}

// bound makes the claims-set: the honest node's, with this node's keys, name and TPM.
func (c *collector) bound(ctx context.Context, p *agent.EvidenceParams) (*attest.Bound, error) {
	b := c.model
	confirm, err := attest.NewConfirmation(&c.key.PublicKey)
	if err != nil {
		return nil, err
	}
	b.Confirmation, b.Root, b.UEID, b.TLSKey, b.Class = confirm, p.Root, c.name(), p.TLSKey, p.Class
	b.IssuedAt = uint64(time.Now().Unix())
	b.Submods, b.Absent = maps.Clone(b.Submods), slices.Clone(b.Absent)
	if c.plan.WithoutTPM {
		delete(b.Submods, attest.KindTPM)
		b.Absent = append(b.Absent, attest.Absent(string(attest.KindTPM), attest.NotConfigured, "tpm.device is none"))
		slices.SortFunc(b.Absent, func(x, y attest.Absence) int { return strings.Compare(x.What, y.What) })
		return &b, nil
	}
	b.Submods[attest.KindTPM], err = c.tpmClaims(ctx)
	return &b, err
}

func (c *collector) tpmClaims(ctx context.Context) (cbor.RawMessage, error) {
	v, err := c.tpm.Claims(ctx)
	if err != nil {
		return nil, err
	}
	claims, ok := v.(*tpm.Claims)
	if !ok {
		return nil, fmt.Errorf("TPM claims of type %T", v)
	}
	if c.plan.Key != nil {
		claims.AK = c.plan.Key.Public()
	}
	return attest.Marshal(claims)
}

// quote has the TPM, or what poses as its key, sign the binding of b as it stands.
func (c *collector) quote(ctx context.Context, b *attest.Bound) ([]byte, error) {
	if c.plan.WithoutTPM {
		return attest.Marshal(map[attest.Kind]any{})
	}
	raw, err := attest.Marshal(b)
	if err != nil {
		return nil, err
	}
	k, err := attest.KeyDigest(&c.key.PublicKey)
	if err != nil {
		return nil, err
	}
	inner, err := attest.Inner(nil)
	if err != nil {
		return nil, err
	}
	qualifying := attest.TPMQualifying(attest.Binding(b.Root, k, raw), inner)
	var q any
	if c.plan.Key != nil {
		q, err = c.plan.Key.Quote(qualifying)
	} else {
		q, err = c.tpm.Quote(ctx, qualifying)
	}
	if quote, ok := q.(tpm.Quote); ok && err == nil && c.plan.Quoted != nil {
		c.plan.Quoted(&quote)
		q = quote
	}
	if err != nil {
		return nil, fmt.Errorf("dishonest quote: %w", err)
	}
	return attest.Marshal(map[attest.Kind]any{attest.KindTPM: q})
}

// Telemetry implements agent.Half: it shows none.
func (c *collector) Telemetry(context.Context, *agent.TelemetryParams) (*agent.TelemetryPart, error) {
	a := attest.Absent(attest.WindowAbsent, attest.NotConfigured, "this node keeps no telemetry")
	return &agent.TelemetryPart{Absent: &a}, nil
}
