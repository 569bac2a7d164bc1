package verify

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// Endorsements are what is believed before looking: whose word counts.
type Endorsements struct {
	// Validator signs the records (and, where the node record is given, made it
	// too). Nil takes the node record's signer, whom the result then names.
	Validator *ecdsa.PublicKey
	// Node is the node record as in node.json, nil where there is none.
	Node []byte
	// AcceptDemoRootsUnsafe believes nodes that were enrolled under a
	// demonstration authority, whose keys anybody can have.
	AcceptDemoRootsUnsafe bool
	// TD is what is believed about trust domains.
	TD TDEndorsements
}

// Options say how a record is judged.
type Options struct {
	At     time.Time     // when certificates and age are judged; the zero value is refused
	MaxAge time.Duration // how old the answer may be at At; zero does not ask
	Asked  Tier          // the tier that decides Accepted; empty means verified
	// Stored is the signed challenge that a live validator kept when it asked. Nil
	// means offline: the challenge inside the record is believed because the record is.
	Stored []byte
	// History is what was kept of this node before; nil: nothing that spans time is judged.
	History *History
	// Stats are statistical results, of any nodes: those about this one are read, by its ueid or by StatsNode. All are looked
	// through for each record: who judges many nodes gives each its own.
	Stats     []StatResult
	StatsNode string
	// Calibration holds the limits of the rules; nil: the built-in ones.
	Calibration *rules.Calibration
	// With are other records of the same node, of Beside: two answers bracket the telemetry between them.
	With []*Beside
}

// Verifier judges records of one node.
type Verifier struct {
	endorse Endorsements
	refs    *References
	policy  Policy
	key     *ecdsa.PublicKey // whose records are believed
	node    *attest.Node     // nil without node record
	early   findings         // about the node record itself
	memo    collateral.Memo
	tdRoots *x509.CertPool
}

// ErrNoKey says that nothing names whose records to believe.
var ErrNoKey = errors.New("no validator key: give the validator's public key (--validator) or its node record (--node)")

// New makes a Verifier. It refuses a policy that leaves a kind or demand unanswered.
func New(e Endorsements, refs *References, p Policy) (*Verifier, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if refs == nil {
		refs = &References{}
	}
	v := &Verifier{endorse: e, refs: refs, policy: p, key: e.Validator}
	var err error
	if v.tdRoots, err = e.TD.roots(); err != nil {
		return nil, fmt.Errorf("verify: roots of trust domains: %w", err)
	}
	if err := e.TD.accepts().Check(); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	if e.Node != nil {
		if err := v.openNode(); err != nil {
			return nil, err
		}
	}
	if v.key == nil {
		return nil, ErrNoKey
	}
	return v, nil
}

// SignerFingerprint is the digest of the key whose records are believed.
func (v *Verifier) SignerFingerprint() (attest.Digest, error) { return attest.KeyDigest(v.key) }

// Key is the key whose records are believed.
func (v *Verifier) Key() *ecdsa.PublicKey { return v.key }

// Peek reads from a record, unchecked, which node was asked and when (milliseconds since the Unix epoch): where to look in a history.
func Peek(record []byte) (ueid attest.UEID, sent uint64, err error) {
	r, err := peekRecord(record)
	if err != nil {
		return ueid, 0, err
	}
	c, err := sign.Open(r.Challenge, attest.TypeChallenge, attest.MaxRequestSize)
	if err != nil {
		return ueid, 0, fmt.Errorf("the record's challenge: %w", err)
	}
	ch, err := attest.ParseChallenge(c.Unverified())
	if err != nil {
		return ueid, 0, err
	}
	return ch.Audience, r.Sent, nil
}

// peekRecord takes a record apart, unchecked.
func peekRecord(record []byte) (*attest.Record, error) {
	msg, err := sign.Open(record, attest.TypeRecord, attest.MaxRecordSize)
	if err != nil {
		return nil, fmt.Errorf("not a record as hallmark challenge writes it: %w", err)
	}
	return attest.ParseRecord(msg.Unverified())
}

// peekBound takes a record's evidence apart, unchecked.
func peekBound(r *attest.Record) (*attest.Bound, error) {
	resp, err := attest.ParseResponse(r.Response)
	if err != nil {
		return nil, err
	}
	e, err := sign.Open(resp.Evidence, attest.TypeEvidence, attest.MaxEvidenceSize)
	if err != nil {
		return nil, err
	}
	ev, err := attest.ParseEvidence(e.Unverified())
	if err != nil {
		return nil, err
	}
	return attest.ParseBound(ev.Bound)
}

// Verify runs all stages on one record.
func (v *Verifier) Verify(record []byte, o Options) (*Result, error) {
	opened, refused, err := v.Open(record, o)
	if err != nil || refused != nil {
		return refused, err
	}
	authenticated, refused := v.Authenticate(opened)
	if refused != nil {
		return refused, nil
	}
	return v.Decide(v.CrossCheck(v.Appraise(authenticated))), nil
}

func (o *Options) check() error {
	if o.At.IsZero() {
		return errors.New("verify: no time given to judge at")
	}
	if o.Asked == "" {
		o.Asked = TierVerified
	}
	for _, t := range Tiers() {
		if t == o.Asked {
			return nil
		}
	}
	return fmt.Errorf("verify: unknown tier %q, want one of %v", o.Asked, Tiers())
}

// FirstAnswer is what the record of a host without TPM shows that is not enrolled yet.
type FirstAnswer struct {
	Key attest.Digest  // of the node key that signed it
	TD  *attest.NodeTD // the platform whose TD vouches for that key; nil without a TD
}

// FirstAnswer authenticates such a record. A TD in it is judged too: what a policy of
// the endorsements refuses is no root.
func (v *Verifier) FirstAnswer(record []byte, o Options) (*FirstAnswer, *Result, error) {
	opened, refused, err := v.Open(record, o)
	if err != nil || refused != nil {
		return nil, refused, err
	}
	a, refused := v.Authenticate(opened)
	if refused != nil {
		return nil, refused, nil
	}
	if a.quote != nil {
		return nil, nil, errors.New("the node answers with a TPM: enroll it by its endorsement key")
	}
	pub, err := a.bound.Confirmation.PublicKey()
	if err != nil {
		return nil, nil, err
	}
	first := &FirstAnswer{}
	if first.Key, err = attest.KeyDigest(pub); err != nil || a.td == nil && a.tdUnjudged == nil {
		return first, nil, err
	}
	ap := v.Appraise(a)
	if a.tdUnjudged != nil { // asked for by nobody as a first-use key: its owner means it to be a root
		ap.findings.bad("enroll.td", "TD quote signature", Asserted, "a quote that can be judged", a.tdUnjudged)
		return nil, v.Decide(v.CrossCheck(ap)), nil
	}
	for _, f := range ap.findings { // a later verifier may have no such policy, and would believe the record
		if f.ID == "tdx.policy" {
			ap.findings.bad("enroll.td", f.Check, Hardware, f.Expected, f.Seen)
		}
	}
	if ap.findings.contradicted() {
		return nil, v.Decide(v.CrossCheck(ap)), nil
	}
	p := a.td.platform
	first.TD = &attest.NodeTD{PPID: p.PPIDHash, FMSPC: hex.EncodeToString(p.FMSPC[:])}
	return first, nil, nil
}
