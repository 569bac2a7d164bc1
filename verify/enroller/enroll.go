package enroller

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/client"
)

// Options say whom to believe about endorsement keys.
type Options struct {
	Roots *enroll.Roots // nil: no certificate can be accepted
	// RootsAreDemoUnsafe marks the record as made under a demonstration
	// authority: verify refuses it unless asked by an option that says unsafe.
	RootsAreDemoUnsafe bool
	// AllowUnlistedEK takes an endorsement key without certificate. Its claims stay asserted.
	AllowUnlistedEK bool
	// TD is what is believed about trust domains; with RootsUnsafe the record is marked as under a demonstration authority.
	TD verify.TDEndorsements
	// AcceptKey decides about the key of a host without TPM and without TD. Nil refuses.
	AcceptKey func(fingerprint attest.Digest) bool
	// Known is the node's earlier record: the same keys are activated anew, as after TPM2_Clear, and any other is refused.
	Known *attest.Node
	// Note is told what stands in nobody's way and an operator should know: keys passed over, revocation not checked. Nil drops it.
	Note func(error)
	Now  func() time.Time // nil: time.Now
}

// Enroll asks the node behind c for its keys and returns its record, to be signed with verify.MarshalNode.
func Enroll(ctx context.Context, c *client.Client, key *ecdsa.PrivateKey, o Options) (*attest.Node, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Note == nil {
		o.Note = func(error) {}
	}
	id, _, err := c.Identity(ctx)
	if err != nil {
		return nil, err
	}
	ueid, err := attest.ParseUEID(id.UEID)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	e := &enrolment{ctx: ctx, client: c, key: key, options: o, ueid: ueid}
	if err := e.sameNode(id.TPM); err != nil {
		return nil, err
	}
	if !id.TPM {
		return e.pin()
	}
	return e.activate()
}

type enrolment struct {
	ctx     context.Context
	client  *client.Client
	key     *ecdsa.PrivateKey
	options Options
	ueid    attest.UEID
}

// activate runs both steps of credential activation.
func (e *enrolment) activate() (*attest.Node, error) {
	body, err := e.ask(attest.Activate{Step: attest.StepParameters})
	if err != nil {
		return nil, err
	}
	params, err := attest.ParseParameters(body)
	if err != nil {
		return nil, refuse("enroll.parameters", err)
	}
	ak, err := enroll.CheckParameters(params)
	if err != nil {
		return nil, keyRefusal(err)
	}
	if got := attest.UEIDFromAK(ak.Name()); got != e.ueid {
		return nil, refuse("enroll.ueid", fmt.Errorf("addressed as %s, the key gives %s", e.ueid.Short(), got.Short()))
	}
	if params.EKs, err = e.sameEK(params.EKs); err != nil {
		return nil, err
	}
	node, public, err := e.endorse(params)
	if err != nil {
		return nil, err
	}
	if err := e.prove(node.TPM.EKTemplate, public, ak); err != nil {
		return nil, err
	}
	node.TPM.AK = params.AK
	return node, nil
}

// endorse chooses the endorsement key that the AK must live beside.
func (e *enrolment) endorse(p *attest.Parameters) (*attest.Node, *tpm2.TPMTPublic, error) {
	node := &attest.Node{UEID: e.ueid, Enrolled: uint64(e.options.Now().UnixMilli()), Trust: attest.TrustCertificate}
	err := error(enroll.ErrNoCertificate)
	if e.options.Roots != nil {
		var chosen *enroll.Chosen
		var passed []*enroll.Refusal
		chosen, passed, err = enroll.ChooseEK(p.EKs, e.options.Roots, e.options.Now())
		if err == nil {
			e.note(chosen, passed)
			if e.options.RootsAreDemoUnsafe {
				node.Trust = attest.TrustDemo
			}
			cert := attest.Digest(chosen.CertificateDigest())
			node.TPM = &attest.NodeTPM{EK: chosen.KeyDigest(), EKCertificate: &cert, EKTemplate: chosen.Template.Name,
				Class: string(chosen.Class), Manufacturer: chosen.Identity.Manufacturer, Model: chosen.Identity.Model,
				Firmware: chosen.Identity.Version, Serial: fmt.Sprintf("%x", chosen.Certificate.SerialNumber)}
			return node, chosen.Public, nil
		}
	}
	// A key that its maker has disowned is not one that nobody vouches for.
	if !e.options.AllowUnlistedEK || errors.Is(err, enroll.ErrRevoked) {
		return nil, nil, chainRefusal(err)
	}
	e.options.Note(err)
	return e.unlisted(node, p)
}

// unlisted takes the first offered key as it is: it pins a key, and says nothing about hardware.
func (e *enrolment) unlisted(node *attest.Node, p *attest.Parameters) (*attest.Node, *tpm2.TPMTPublic, error) {
	ek := p.EKs[0]
	t, ok := tpm.TemplateByName(ek.Template)
	if !ok {
		return nil, nil, refuse("enroll.parameters", fmt.Errorf("unknown template %.16q", ek.Template))
	}
	key, err := tpm.ParseSPKI(ek.Key)
	if err != nil {
		return nil, nil, refuse("enroll.parameters", fmt.Errorf("%s: %w", ek.Template, err))
	}
	public, err := t.Public(key)
	if err != nil {
		return nil, nil, refuse("enroll.parameters", err)
	}
	node.Trust = attest.TrustUnlisted
	node.TPM = &attest.NodeTPM{EK: sha256.Sum256(ek.Key), EKTemplate: ek.Template, Class: string(enroll.ClassUnknown)}
	return node, public, nil
}

// prove has the TPM open a secret that only the holder of both keys can open.
func (e *enrolment) prove(template string, ek *tpm2.TPMTPublic, ak *tpm.AK) error {
	secret := enroll.NewSecret()
	credential, encrypted, err := enroll.MakeCredential(ek, ak.Name(), secret)
	if err != nil {
		return refuse("enroll.parameters", err)
	}
	body, err := e.ask(attest.Activate{Step: attest.StepActivate, EK: template, Credential: credential, Secret: encrypted})
	var p *client.ProblemError
	if errors.As(err, &p) && p.Problem.Type == attest.ProblemBase+attest.ProblemActivation {
		return refuse("enroll.activation", err)
	} else if err != nil {
		return err
	}
	var got attest.Activated
	if err := attest.Unmarshal(body, &got, attest.MaxActivateSize); err != nil {
		return refuse("enroll.parameters", err)
	}
	if subtle.ConstantTimeCompare(got.Secret, secret) != 1 {
		return refuse("enroll.activation", errors.New("another secret came back"))
	}
	return nil
}

// ask signs and sends one activation request.
func (e *enrolment) ask(a attest.Activate) ([]byte, error) {
	now := e.options.Now()
	a.Profiles, a.Audience = []string{attest.Profile}, e.ueid
	a.Issued, a.Expires = uint64(now.UnixMilli()), uint64(now.Add(client.Life).UnixMilli())
	if _, err := rand.Read(a.Nonce[:]); err != nil {
		return nil, err
	}
	payload, err := attest.Marshal(a)
	if err != nil {
		return nil, err
	}
	signed, err := sign.Seal(e.key, attest.TypeActivate, payload)
	if err != nil {
		return nil, err
	}
	body, _, err := e.client.Activate(e.ctx, signed)
	return body, err
}

// pin takes the persisted key of a host without TPM, once it has answered a challenge with it.
func (e *enrolment) pin() (*attest.Node, error) {
	record, stored, err := e.client.Ask(e.ctx, e.key, e.ueid, client.Question{Kinds: attest.Built(), Logs: client.WholeLogs()})
	if err != nil {
		return nil, err
	}
	policy, err := verify.DefaultPolicy()
	if err != nil {
		return nil, err
	}
	v, err := verify.New(verify.Endorsements{Validator: &e.key.PublicKey, TD: e.options.TD}, nil, policy)
	if err != nil {
		return nil, err
	}
	first, refused, err := v.FirstAnswer(record, verify.Options{At: e.options.Now(), Asked: verify.TierCommunity, Stored: stored})
	if err != nil {
		return nil, err
	}
	if refused != nil {
		f, _ := refused.Primary()
		entry, _ := verify.EntryOf(f.ID)
		return nil, &Refusal{entry, fmt.Errorf("the node's first answer was refused: %s: expected %s, seen %s", f.Check, f.Expected, f.Seen)}
	}
	fingerprint := first.Key
	if err := e.sameKey(fingerprint); err != nil {
		return nil, err
	}
	if err := e.samePlatform(first.TD); err != nil {
		return nil, err
	}
	node := &attest.Node{UEID: e.ueid, Enrolled: uint64(e.options.Now().UnixMilli()), Trust: attest.TrustFirstUse, Key: &fingerprint}
	if first.TD != nil { // a genuine TD names this key: nobody need compare fingerprints
		node.Trust, node.TD = attest.TrustPlatform, first.TD
		if e.options.TD.RootsUnsafe != nil {
			node.Trust = attest.TrustDemo
		}
		return node, nil
	}
	if e.options.Known == nil && (e.options.AcceptKey == nil || !e.options.AcceptKey(fingerprint)) {
		return nil, refuse("enroll.key_refused", fmt.Errorf("fingerprint %s was not accepted", fingerprint))
	}
	return node, nil
}
