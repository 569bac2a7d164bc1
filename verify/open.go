package verify

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// Opened is a record whose writer, challenge and times hold. The response inside
// it is still only bytes that arrived.
type Opened struct {
	options   Options
	findings  findings
	record    attest.Record
	challenge attest.Challenge
	raw       []byte // the signed record
}

// Open checks the record and the challenge inside it. The Result is non-nil
// where the record was judged and refused; the error where it could not be judged.
func (v *Verifier) Open(record []byte, o Options) (*Opened, *Result, error) {
	if err := o.check(); err != nil {
		return nil, nil, err
	}
	op := &Opened{options: o, findings: append(findings(nil), v.early...), raw: record}
	msg, err := sign.Open(record, attest.TypeRecord, attest.MaxRecordSize)
	if err != nil {
		return nil, nil, fmt.Errorf("not a record as hallmark challenge writes it: %w", err)
	}
	if kid, _ := attest.KeyDigest(v.key); kid != msg.KeyID() {
		op.findings.bad("challenge.foreign", "record signer", Validator, kid, msg.KeyID())
		return nil, v.refuse(op), nil
	}
	payload, err := msg.Verify(v.key)
	if err != nil {
		op.findings.bad("record.signature", "record signature", Validator, "valid", "does not verify")
		return nil, v.refuse(op), nil
	}
	rec, err := attest.ParseRecord(payload)
	if err != nil {
		return nil, nil, err // signed by the validator itself: not the node's fault
	}
	op.record = *rec
	if !v.openChallenge(op) || op.findings.contradicted() {
		return nil, v.refuse(op), nil
	}
	return op, nil, nil
}

// openChallenge judges the challenge in the record; false means that nothing more can be said.
func (v *Verifier) openChallenge(op *Opened) bool {
	msg, err := sign.Open(op.record.Challenge, attest.TypeChallenge, attest.MaxRequestSize)
	if err != nil {
		op.findings.bad("challenge.malformed", "challenge envelope", Validator, "a signed challenge", err)
		return false
	}
	payload, err := msg.Verify(v.key)
	if errors.Is(err, sign.ErrSignature) {
		op.findings.bad("challenge.signature", "challenge signer", Validator, fingerprint(v.key), msg.KeyID())
		return false
	} else if err != nil {
		op.findings.bad("challenge.malformed", "challenge signature", Validator, "valid", err)
		return false
	}
	c, err := attest.ParseChallenge(payload)
	if err != nil {
		op.findings.bad("challenge.malformed", "challenge", Validator, "within the format", err)
		return false
	}
	op.challenge = *c
	v.checkChallenge(op)
	return true
}

func (v *Verifier) checkChallenge(op *Opened) {
	c := &op.challenge
	if s := op.options.Stored; s != nil && !bytes.Equal(s, op.record.Challenge) {
		op.findings.bad("challenge.mismatch", "stored challenge", Validator, "the challenge sent", "another one")
	}
	if !c.Accepts(attest.Profile) {
		op.findings.bad("challenge.profile", "challenge profiles", Validator, attest.Profile, c.Profiles)
	}
	checkTimes(op)
	if v.node == nil {
		if v.endorse.Node == nil {
			op.findings.warn("node.not_given", "node record", Validator, "a node record", "none")
		}
		return
	}
	if c.Audience != v.node.UEID {
		op.findings.bad("node.audience", "challenge audience", Validator, v.node.UEID, c.Audience)
	}
}

// checkTimes judges freshness on the record's times alone; At decides age only.
func checkTimes(op *Opened) {
	c, r := &op.challenge, &op.record
	if !(c.Issued <= r.Sent && r.Sent <= r.Received && r.Received <= c.Expires) {
		op.findings.bad("freshness.order", "issued <= sent <= received <= expires", Validator, "in order",
			fmt.Sprintf("issued %s, sent %+d ms, received %+d ms, expires %+d ms", stamp(c.Issued),
				int64(r.Sent-c.Issued), int64(r.Received-c.Issued), int64(c.Expires-c.Issued)))
		return
	}
	at := op.options.At
	age := at.Sub(time.UnixMilli(int64(r.Received)))
	max := op.options.MaxAge
	if age < -clockSkew || max > 0 && age > max {
		want := "not in the future"
		if max > 0 {
			want = "at most " + max.String()
		}
		op.findings.bad("freshness.age", "age at "+at.UTC().Format(time.RFC3339), Validator, want, age.Round(time.Second).String())
		return
	}
	op.findings.good("freshness.ok", "issued <= sent <= received <= expires", Validator,
		fmt.Sprintf("answered in %d ms at %s, %s ago", r.Received-r.Sent, stamp(r.Received), age.Round(time.Second)))
}

// clockSkew is how far a record may lie in the future of At: two of the validator's own machines may differ.
const clockSkew = 2 * time.Minute

func stamp(ms uint64) string {
	return time.UnixMilli(int64(ms)).UTC().Format("2006-01-02T15:04:05.000Z")
}
