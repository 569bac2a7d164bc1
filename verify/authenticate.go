package verify

import (
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/merkle"
	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/sign"
)

// Authenticated is evidence whose key, node, freshness and channel hold, and
// whose quote, if any, covers exactly these claims. What the claims say is not judged yet.
type Authenticated struct {
	options      Options
	findings     findings
	record       attest.Record
	challenge    attest.Challenge
	bound        attest.Bound
	node         *attest.Node
	channelBound bool
	raw          []byte        // the signed record
	akName       attest.Digest // digest of the AK's Name, set with quote
	tpmClaims    *tpm.Claims
	quote        *tpm.QuoteInfo
	logs         map[string]attest.Part // as sent
	window       *attest.Window         // as sent
	blocks       []attest.BlockAnswer   // as sent; the answer holds them
	td           *trustDomain           // set with an authentic TD quote
	tdUnjudged   error                  // why a TD quote is none
	tdEndorse    *TDEndorsements
	tdRoots      *x509.CertPool
	memo         *collateral.Memo
	demoTD       bool              // the TD's root is a simulator's
	replayed     map[string][]byte // beginnings of logs, for the history
}

// hardwareRoot reports whether the quote is by a key whose TPM a certificate vouches for.
func (a *Authenticated) hardwareRoot() bool {
	return a.quote != nil && a.node != nil && (a.node.Trust == attest.TrustCertificate || a.node.Trust == attest.TrustDemo)
}

// rootAssurance is what the TPM's statements are worth.
func (a *Authenticated) rootAssurance() Assurance {
	if a.hardwareRoot() {
		return Hardware
	}
	return Asserted
}

// authentication is the work in progress of Authenticate.
type authentication struct {
	*Authenticated
	v        *Verifier
	response attest.Response
	answer   attest.Answer
	envelope *sign.Message
	evidence attest.Evidence
	roots    map[attest.Kind]cbor.RawMessage
	key      attest.Digest // of the evidence key
	tdDigest attest.Digest // of the TD quote, once it is known to be of this binding
}

// Authenticate checks everything that says whose bytes these are and for which
// question. Steps go from cheap to dear, so a flood of bad evidence costs
// little; the first step that fails ends it, since later ones would speak about forged bytes.
func (v *Verifier) Authenticate(op *Opened) (*Authenticated, *Result) {
	a := &authentication{v: v, Authenticated: &Authenticated{options: op.options, findings: op.findings,
		record: op.record, challenge: op.challenge, node: v.node, raw: op.raw,
		tdEndorse: &v.endorse.TD, tdRoots: v.tdRoots, memo: &v.memo, demoTD: v.endorse.TD.RootsUnsafe != nil}}
	for _, step := range []func(){a.parse, a.batch, a.names, a.channel, a.signature, a.enrolment, a.tdQuoted, a.quoted} {
		step()
		if a.findings.contradicted() {
			op.findings = a.findings
			return nil, v.refuse(op)
		}
	}
	return a.Authenticated, nil
}

// parse takes the response apart; nothing in it is believed.
func (a *authentication) parse() {
	r, err := attest.ParseResponse(a.record.Response)
	if err != nil {
		a.findings.bad("response.malformed", "response", Asserted, "within the format", err)
		return
	}
	a.response, a.logs, a.window = *r, r.Logs, r.Window
	ans, err := attest.ParseAnswer(r.Answer)
	if err != nil {
		a.findings.bad("answer.malformed", "answer", Asserted, "within the format", err)
		return
	}
	a.answer, a.blocks = *ans, ans.Blocks
	if err := checkBlocksAsked(&a.challenge, ans); err != nil {
		a.findings.bad("answer.malformed", "answer", Asserted, "what the challenge asks", err)
		return
	}
	if err := a.parseEvidence(); err != nil {
		a.findings.bad("evidence.malformed", "evidence", Asserted, "within the format", err)
	}
}

func (a *authentication) parseEvidence() (err error) {
	if a.envelope, err = sign.Open(a.response.Evidence, attest.TypeEvidence, attest.MaxEvidenceSize); err != nil {
		return err
	}
	e, err := attest.ParseEvidence(a.envelope.Unverified())
	if err != nil {
		return err
	}
	a.evidence = *e
	b, err := attest.ParseBound(e.Bound)
	if err != nil {
		return err
	}
	a.bound = *b
	a.roots, err = attest.ParseRoots(e.Roots)
	return err
}

// batch checks that this challenge and answer lie under the root of the evidence.
func (a *authentication) batch() {
	if a.evidence.Profile != attest.Profile {
		a.findings.bad("evidence.profile", "profile", Asserted, attest.Profile, a.evidence.Profile)
		return
	}
	leaf := attest.Leaf(a.record.Challenge, a.response.Answer)
	tree, err := merkle.Root(leaf, a.response.Index, a.response.Size, a.response.Path)
	if err != nil {
		a.findings.bad("batch.root", "inclusion path", Asserted, "a path of this index and size", err)
		return
	}
	if root := attest.BatchRoot(a.response.Size, tree); root != a.bound.Root {
		a.findings.bad("batch.root", "batch root", Asserted, root, a.bound.Root)
	}
}

// names checks audience, stated name and node record against each other.
func (a *authentication) names() {
	if a.bound.UEID != a.challenge.Audience {
		a.findings.bad("ueid.audience", "ueid = audience", Asserted, a.challenge.Audience, a.bound.UEID)
	}
	if a.node != nil && a.bound.UEID != a.node.UEID {
		a.findings.bad("node.ueid", "ueid = node record", Asserted, a.node.UEID, a.bound.UEID)
	}
}

// channel checks that the evidence came through the connection the validator held in its hands.
func (a *authentication) channel() {
	if a.bound.TLSKey != a.record.TLSKey {
		a.findings.bad("channel.mismatch", "TLS key", Validator, a.record.TLSKey, a.bound.TLSKey)
	}
	switch said, seen := a.answer.Channel, a.record.Exporter; {
	case said == nil || seen == nil:
		a.findings.warn("channel.none", "TLS exporter", Validator, "an exporter on both sides", "none")
	case *said != *seen:
		a.findings.bad("channel.mismatch", "TLS exporter", Validator, seen, said)
	default:
		a.channelBound = true
		a.findings.good("channel.bound", "TLS key and exporter", Validator, a.record.TLSKey.Short())
	}
}

// signature checks the envelope under the key that the bound claims name, which
// the quote or the node record must then vouch for.
func (a *authentication) signature() {
	pub, err := a.bound.Confirmation.PublicKey()
	if err != nil {
		a.findings.bad("evidence.key", "evidence key", Asserted, "a point on P-256", err)
		return
	}
	if _, err := a.envelope.Verify(pub); err != nil {
		a.findings.bad("evidence.signature", "envelope signature", Asserted, "valid", "does not verify")
		return
	}
	if a.key, err = attest.KeyDigest(pub); err != nil {
		a.findings.bad("evidence.key", "evidence key", Asserted, "a key digest", err)
	}
}

// enrolment decides which root must vouch for the evidence key, and refuses its absence.
func (a *authentication) enrolment() {
	_, quoted := a.roots[attest.KindTPM]
	_, stated := a.bound.Submods[attest.KindTPM]
	_, tdQuoted := a.roots[attest.KindTDX]
	if _, td := a.bound.Submods[attest.KindTDX]; td != tdQuoted {
		a.findings.bad("roots.unexpected", "TD claims and quote", Asserted, fmt.Sprintf("claims stated: %v", td), fmt.Sprintf("quote present: %v", tdQuoted))
		return
	}
	// The validator's own question counts: which class the node says it answered in does not.
	if a.node != nil && a.node.TD != nil && !tdQuoted && slices.Contains(a.challenge.Kinds, attest.KindTDX) {
		a.findings.bad("kind.withdrawn", "TD", Asserted, "a TD quote, as enrolled", "none")
		return
	}
	switch {
	case quoted != stated:
		a.findings.bad("roots.unexpected", "TPM claims and quote", Asserted, fmt.Sprintf("claims stated: %v", stated), fmt.Sprintf("quote present: %v", quoted))
	case !quoted && a.node != nil && a.node.TPM != nil:
		a.findings.bad("kind.withdrawn", "TPM", Asserted, "a TPM quote, as enrolled", "none")
	case !quoted:
		if want := attest.UEIDFromKey(a.key); want != a.bound.UEID {
			a.findings.bad("ueid.key", "ueid from the node key", Asserted, want, a.bound.UEID)
		}
		if a.node != nil && a.node.Key != nil && *a.node.Key != a.key {
			a.findings.bad("node.key", "node key", Asserted, a.node.Key, a.key)
		}
	case a.node != nil && a.node.TPM == nil:
		// Enrolled by its node key, now with an attestation key: the name differs, so it was refused in names.
		a.findings.bad("node.key", "root", Asserted, "the node key pinned at enrolment", "a TPM")
	}
}
