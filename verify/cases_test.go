package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/sign"
)

// aCase is one thing changed in an honest exchange, and the first finding that must contradict.
type aCase struct {
	name    string
	comment string
	change  func(*forge)
	options func(*Options)
	endorse func(*forge, *Endorsements)
	expect  string // finding id, or "accepted community"
}

// cases holds at least one case for each check between a record's bytes and its claims.
func cases() []aCase {
	none := func(*forge) {}
	return []aCase{
		{name: "good-tpm", comment: "an honest node with an enrolled TPM", change: none, expect: accepted},
		{name: "good-key", comment: "an honest node without TPM", change: func(f *forge) { f.withoutTPM() }, expect: accepted},
		{name: "good-batch-of-one", comment: "a batch of one has an empty path", change: func(f *forge) { f.others = 0 }, expect: accepted},
		{name: "good-no-channel", comment: "an answer without channel binding caps at community", change: func(f *forge) { f.answer = func(a *attest.Answer) { a.Channel = nil } }, expect: accepted},

		{name: "good-no-exporter", comment: "the validator saw no channel binding: caps at community", change: func(f *forge) { f.record = func(r *attest.Record) { r.Exporter = nil } }, expect: accepted},

		{name: "record-signature", comment: "a byte of the record's signature flipped", change: func(f *forge) {}, expect: "record.signature"},
		{name: "record-foreign", comment: "the record is by another validator", change: func(f *forge) { f.recordKey = newKey(f.t) }, expect: "challenge.foreign"},
		{name: "challenge-signature", comment: "the challenge inside is by another key", change: func(f *forge) { f.challengeKey = newKey(f.t) }, expect: "challenge.signature"},
		{name: "challenge-bytes", comment: "the challenge inside is not a challenge", change: func(f *forge) { f.record = func(r *attest.Record) { r.Challenge = []byte{0xa0} } }, expect: "challenge.malformed"},
		{name: "challenge-life", comment: "the challenge lives too long", change: func(f *forge) {
			f.challenge = func(c *attest.Challenge) { c.Expires = c.Issued + attest.MaxLifeMillis + 1 }
		}, expect: "challenge.malformed"},
		{name: "challenge-nonce-zero", comment: "the nonce is all zero", change: func(f *forge) { f.challenge = func(c *attest.Challenge) { c.Nonce = attest.Nonce{} } }, expect: "challenge.malformed"},
		{name: "challenge-kinds-unsorted", comment: "the wanted kinds are not sorted", change: func(f *forge) {
			f.challenge = func(c *attest.Challenge) { c.Kinds = []attest.Kind{"tpm", "gpu"} }
		}, expect: "challenge.malformed"},
		{name: "challenge-kind-unknown", comment: "an unknown kind is wanted", change: func(f *forge) { f.challenge = func(c *attest.Challenge) { c.Kinds = []attest.Kind{"gpx"} } }, expect: "challenge.malformed"},
		{name: "challenge-profile", comment: "the challenge accepts another profile only", change: func(f *forge) {
			f.challenge = func(c *attest.Challenge) { c.Profiles = []string{"https://example.org/2"} }
		}, expect: "challenge.profile"},
		{name: "challenge-mismatch", comment: "the live validator stored another challenge", change: none,
			options: func(o *Options) { o.Stored = []byte("another") }, expect: "challenge.mismatch"},

		{name: "freshness-late", comment: "received after expiry", change: func(f *forge) { f.record = func(r *attest.Record) { r.Received += 120_000 } }, expect: "freshness.order"},
		{name: "freshness-early", comment: "sent before it was issued", change: func(f *forge) { f.record = func(r *attest.Record) { r.Sent -= 10 } }, expect: "freshness.order"},
		{name: "freshness-backwards", comment: "received before it was sent", change: func(f *forge) { f.record = func(r *attest.Record) { r.Received = r.Sent - 1 } }, expect: "freshness.order"},
		{name: "freshness-age", comment: "older than asked for", change: none,
			options: func(o *Options) { o.At = o.At.Add(time.Hour); o.MaxAge = time.Minute }, expect: "freshness.age"},
		{name: "freshness-future", comment: "from the future", change: none,
			options: func(o *Options) { o.At = o.At.Add(-time.Hour); o.MaxAge = time.Minute }, expect: "freshness.age"},

		{name: "node-signature", comment: "the node record was changed after signing", change: none,
			endorse: func(f *forge, e *Endorsements) { e.Node = tamperNode(f) }, expect: "node.signature"},
		{name: "node-foreign", comment: "the node record is by another enroller", change: func(f *forge) { f.nodeKey = newKey(f.t) }, expect: "node.foreign"},
		{name: "node-demo", comment: "enrolled under a demonstration authority", change: func(f *forge) { f.node = func(n *attest.Node) { n.Trust = attest.TrustDemo } }, expect: "node.demo_root"},
		{name: "node-profile", comment: "the node record is of another profile", change: none,
			endorse: func(f *forge, e *Endorsements) { e.Node = otherProfile(f) }, expect: "node.malformed"},
		{name: "node-audience", comment: "the challenge was addressed to another node", change: func(f *forge) {
			f.node = func(n *attest.Node) { n.UEID = attest.UEIDFromKey(tlsKey) }
		}, expect: "node.audience"},

		{name: "response-bytes", comment: "the response is not a response", change: func(f *forge) { f.raw = func(b []byte) []byte { return b[:len(b)-1] } }, expect: "response.malformed"},
		{name: "response-trailing", comment: "a byte behind the response", change: func(f *forge) { f.raw = func(b []byte) []byte { return append(b, 0) } }, expect: "response.malformed"},
		{name: "response-long-integer", comment: "an integer key that is not in shortest form", change: func(f *forge) { f.raw = longInteger }, expect: "response.malformed"},
		{name: "response-index", comment: "index outside the batch", change: func(f *forge) { f.response = func(r *attest.Response) { r.Index = r.Size } }, expect: "response.malformed"},
		{name: "response-batch-size", comment: "batch over the limit", change: func(f *forge) { f.response = func(r *attest.Response) { r.Size = attest.MaxBatch + 1 } }, expect: "response.malformed"},
		{name: "response-batch-zero", comment: "batch of none", change: func(f *forge) { f.response = func(r *attest.Response) { r.Size = 0 } }, expect: "response.malformed"},
		{name: "response-path", comment: "path over the limit", change: func(f *forge) {
			f.response = func(r *attest.Response) { r.Path = make([]attest.Digest, attest.MaxPath+1) }
		}, expect: "response.malformed"},
		{name: "response-logs", comment: "a log of an unknown name", change: func(f *forge) {
			f.response = func(r *attest.Response) { r.Logs = map[string]attest.Part{"journal": {Bytes: []byte{}}} }
		}, expect: "response.malformed"},
		{name: "answer-bytes", comment: "the answer is not an answer", change: func(f *forge) { f.response = func(r *attest.Response) { r.Answer = []byte{0xa0} } }, expect: "answer.malformed"},
		{name: "answer-unknown-key", comment: "the answer has an unknown key", change: func(f *forge) {
			f.response = func(r *attest.Response) { r.Answer = []byte{0xa2, 0x01, 0xf6, 0x18, 0x63, 0x00} }
		}, expect: "answer.malformed"},

		{name: "evidence-untagged", comment: "the evidence lacks the CWT tag", change: func(f *forge) { f.envelope = func(b []byte) []byte { return b[2:] } }, expect: "evidence.malformed"},
		{name: "evidence-signature", comment: "a byte of the evidence's signature flipped", change: func(f *forge) { f.envelope = flipSignature }, expect: "evidence.signature"},
		{name: "evidence-headers", comment: "protected headers that are not in shortest form, truly signed", change: func(f *forge) { f.envelope = f.longHeaders }, expect: "evidence.malformed"},
		{name: "evidence-profile", comment: "evidence of another profile", change: func(f *forge) { f.payload = func(e *attest.Evidence) { e.Profile = "https://example.org/2" } }, expect: "evidence.profile"},
		{name: "evidence-key-off-curve", comment: "the evidence key is not on the curve", change: func(f *forge) { f.bound = func(b *attest.Bound) { b.Confirmation.Key.Y[31] ^= 1 } }, expect: "evidence.key"},
		{name: "evidence-other-key", comment: "the envelope is signed by another key than the one named", change: func(f *forge) {
			f.bound = func(b *attest.Bound) { b.Confirmation, _ = attest.NewConfirmation(&newKey(f.t).PublicKey) }
		}, expect: "evidence.signature"},
		{name: "bound-unknown-key", comment: "bound with an unknown key", change: func(f *forge) { f.rawBound = unknownKey }, expect: "evidence.malformed"},
		{name: "bound-silent-kind", comment: "a kind neither stated nor absent", change: func(f *forge) { f.bound = func(b *attest.Bound) { b.Absent = b.Absent[1:] } }, expect: "evidence.malformed"},
		{name: "bound-kind-twice", comment: "a kind stated and absent", change: func(f *forge) {
			f.bound = func(b *attest.Bound) { b.Submods["host"] = cbor.RawMessage{0xa0} }
		}, expect: "evidence.malformed"},
		{name: "bound-reserved-kind", comment: "claims of a reserved kind", change: func(f *forge) {
			f.bound = func(b *attest.Bound) {
				b.Submods["guest"] = cbor.RawMessage{0xa0}
				b.Absent = slices.DeleteFunc(b.Absent, func(a attest.Absence) bool { return a.What == "guest" })
			}
		}, expect: "evidence.malformed"},
		{name: "bound-unknown-reason", comment: "an absence with an unknown reason", change: func(f *forge) { f.bound = func(b *attest.Bound) { b.Absent[0].Reason = "forgot" } }, expect: "evidence.malformed"},
		{name: "bound-absences-unsorted", comment: "absences out of order", change: func(f *forge) { f.bound = func(b *attest.Bound) { slices.Reverse(b.Absent) } }, expect: "evidence.malformed"},
		{name: "bound-long-detail", comment: "an absence's detail over its limit", change: func(f *forge) {
			f.bound = func(b *attest.Bound) { b.Absent[0].Detail = strings.Repeat("x", attest.MaxDetail+1) }
		}, expect: "evidence.malformed"},
		{name: "bound-class", comment: "an unknown cost class", change: func(f *forge) { f.bound = func(b *attest.Bound) { b.Class = "cheap" } }, expect: "evidence.malformed"},
		{name: "bound-ueid-type", comment: "a ueid of another type", change: func(f *forge) { f.bound = func(b *attest.Bound) { b.UEID[0] = 2 } }, expect: "evidence.malformed"},
		{name: "roots-reserved-kind", comment: "a quote of a reserved kind", change: func(f *forge) {
			f.roots = func(r map[attest.Kind]cbor.RawMessage) { r["guest"] = cbor.RawMessage{0xa0} }
		}, expect: "evidence.malformed"},

		{name: "batch-other-leaf", comment: "the answer was exchanged", change: func(f *forge) {
			f.response = func(r *attest.Response) { r.Answer, _ = attest.Marshal(attest.Answer{}) }
		}, expect: "batch.root"},
		{name: "batch-other-index", comment: "another index", change: func(f *forge) { f.response = func(r *attest.Response) { r.Index = 1 } }, expect: "batch.root"},
		{name: "batch-other-size", comment: "another size with a fitting path", change: func(f *forge) { f.response = func(r *attest.Response) { r.Size = 4 } }, expect: "batch.root"},
		{name: "batch-short-path", comment: "the path is too short", change: func(f *forge) { f.response = func(r *attest.Response) { r.Path = r.Path[:1] } }, expect: "batch.root"},
		{name: "batch-long-path", comment: "the path is too long", change: func(f *forge) {
			f.response = func(r *attest.Response) { r.Path = append(r.Path, attest.Digest{}) }
		}, expect: "batch.root"},
		{name: "batch-replayed", comment: "evidence made for another root", change: func(f *forge) { f.bound = func(b *attest.Bound) { b.Root = tlsKey } }, expect: "batch.root"},

		{name: "ueid-audience", comment: "evidence by another node than the audience", change: func(f *forge) {
			f.challenge = func(c *attest.Challenge) { c.Audience = attest.UEIDFromKey(tlsKey) }
			f.node = func(n *attest.Node) { n.UEID = attest.UEIDFromKey(tlsKey) }
		}, expect: "ueid.audience"},
		{name: "ueid-ak", comment: "the name does not follow from the AK", change: func(f *forge) { f.renamed() },
			endorse: func(_ *forge, e *Endorsements) { e.Node = nil }, expect: "ueid.key"},
		{name: "ueid-node-key", comment: "the name does not follow from the node key", change: func(f *forge) { f.withoutTPM().renamed() },
			endorse: func(_ *forge, e *Endorsements) { e.Node = nil }, expect: "ueid.key"},
		{name: "node-key", comment: "signed by another node key under the pinned name", change: func(f *forge) {
			f.withoutTPM()
			f.node = func(n *attest.Node) { n.Key = &tlsKey }
		}, expect: "node.key"},
		{name: "node-key-now-tpm", comment: "enrolled by its node key, answers with a TPM", change: func(f *forge) {
			f.node = func(n *attest.Node) { n.TPM, n.Key, n.Trust = nil, &tlsKey, attest.TrustFirstUse }
		}, expect: "node.key"},

		{name: "channel-tls-key", comment: "another TLS key than the validator saw", change: func(f *forge) { f.record = func(r *attest.Record) { r.TLSKey[0] ^= 1 } }, expect: "channel.mismatch"},
		{name: "channel-exporter", comment: "another connection than the validator saw", change: func(f *forge) {
			f.answer = func(a *attest.Answer) { other := attest.Digest(sha256.Sum256(nil)); a.Channel = &other }
		}, expect: "channel.mismatch"},

		{name: "withdrawn", comment: "enrolled with a TPM, answers without", change: func(f *forge) { f.withdrawn() }, expect: "kind.withdrawn"},
		{name: "claims-without-quote", comment: "TPM claims without a quote", change: func(f *forge) { f.roots = func(r map[attest.Kind]cbor.RawMessage) { delete(r, "tpm") } }, expect: "roots.unexpected"},
		{name: "quote-without-claims", comment: "a quote without TPM claims", change: func(f *forge) {
			f.bound = func(b *attest.Bound) {
				delete(b.Submods, "tpm")
				b.Absent = append(b.Absent, attest.Absent("tpm", attest.NotPresent, ""))
			}
		}, expect: "roots.unexpected"},

		{name: "tpm-claims", comment: "TPM claims with an unknown key", change: func(f *forge) {
			f.bound = func(b *attest.Bound) { b.Submods["tpm"] = unknownText(b.Submods["tpm"]) }
		}, expect: "tpm.claims"},
		{name: "ak-malformed", comment: "the AK is not a TPMT_PUBLIC", change: func(f *forge) { f.tpmClaims = func(c *tpm.Claims) { c.AK = c.AK[:20] } }, expect: "tpm.ak.malformed"},
		{name: "ak-unrestricted", comment: "an unrestricted key poses as AK", change: attributes(func(a *tpm2.TPMAObject) { a.Restricted = false }), expect: "tpm.ak.attributes"},
		{name: "ak-not-fixed", comment: "a key that can leave its TPM poses as AK", change: attributes(func(a *tpm2.TPMAObject) { a.FixedTPM = false }), expect: "tpm.ak.attributes"},
		{name: "ak-not-fixed-parent", comment: "a key that can be moved poses as AK", change: attributes(func(a *tpm2.TPMAObject) { a.FixedParent = false }), expect: "tpm.ak.attributes"},
		{name: "ak-imported", comment: "a key not born in the TPM poses as AK", change: attributes(func(a *tpm2.TPMAObject) { a.SensitiveDataOrigin = false }), expect: "tpm.ak.attributes"},
		{name: "ak-decrypts", comment: "a decryption key poses as AK", change: attributes(func(a *tpm2.TPMAObject) { a.Decrypt = true }), expect: "tpm.ak.attributes"},
		{name: "ak-foreign", comment: "the quote is by another AK than the enrolled one, under its name", change: func(f *forge) { f.foreignAK() }, expect: "tpm.ak.foreign"},
		{name: "quote-bytes", comment: "a byte behind the quoted structure", change: func(f *forge) { f.quote = func(q *tpm.Quote) { q.Attest = append(q.Attest, 0) } }, expect: "tpm.quote.malformed"},
		{name: "quote-signature-bytes", comment: "a byte behind the quote's signature", change: func(f *forge) { f.quote = func(q *tpm.Quote) { q.Signature = append(q.Signature, 0) } }, expect: "tpm.quote.malformed"},
		{name: "quote-unknown-key", comment: "a quote with an unknown key", change: func(f *forge) {
			f.roots = func(r map[attest.Kind]cbor.RawMessage) { r["tpm"] = unknownText(r["tpm"]) }
		}, expect: "tpm.quote.malformed"},
		{name: "quote-other-bank", comment: "the claims state another bank than the quote's", change: func(f *forge) {
			f.tpmClaims = func(c *tpm.Claims) { c.Bank = uint16(tpm2.TPMAlgSHA384) }
		}, expect: "tpm.quote.selection"},
		{name: "quote-magic", comment: "not generated by a TPM", change: func(f *forge) { f.attested = func(a *tpm2.TPMSAttest) { a.Magic = 0x41424344 } }, expect: "tpm.quote.magic"},
		{name: "quote-type", comment: "a TPM2_GetTime structure in place of a quote", change: func(f *forge) {
			f.attested = func(a *tpm2.TPMSAttest) {
				a.Type = tpm2.TPMSTAttestTime
				a.Attested = tpm2.NewTPMUAttest(tpm2.TPMSTAttestTime, &tpm2.TPMSTimeAttestInfo{})
			}
		}, expect: "tpm.quote.type"},
		{name: "quote-binding", comment: "the quote is over another binding", change: func(f *forge) { f.attested = func(a *tpm2.TPMSAttest) { a.ExtraData.Buffer[0] ^= 1 } }, expect: "tpm.quote.binding"},
		{name: "quote-edited-claims", comment: "claims edited after the quote and signed again", change: func(f *forge) {
			f.payload = func(e *attest.Evidence) {
				e.Bound = bytes.Replace(e.Bound, []byte("hallmark-agent"), []byte("hallmark-Agent"), 1)
			}
		}, expect: "tpm.quote.binding"},
		{name: "quote-signer", comment: "the quote is by a key of another hierarchy", change: func(f *forge) {
			f.attested = func(a *tpm2.TPMSAttest) { a.QualifiedSigner.Buffer[5] ^= 1 }
		}, expect: "tpm.quote.signer"},
		{name: "quote-few-pcrs", comment: "the quote covers registers 0 to 7 only", change: func(f *forge) { f.pcrSelection = f.pcrSelection[:8] }, expect: "tpm.quote.selection"},
		{name: "quote-other-selection", comment: "the quote selects other registers than the claims state", change: func(f *forge) {
			f.tpmClaims = func(c *tpm.Claims) { c.Selection = c.Selection[:15] }
		}, expect: "tpm.quote.selection"},
		{name: "quote-bank", comment: "a quote over the SHA-1 bank, stated as such", change: sha1Bank, expect: "tpm.quote.bank"},
		{name: "quote-value-length", comment: "a register value of the wrong length", change: func(f *forge) {
			f.quote = func(q *tpm.Quote) { q.PCRs[3] = q.PCRs[3][:31] }
		}, expect: "tpm.quote.pcr_values"},
		{name: "quote-value-more", comment: "a register value that is not quoted", change: func(f *forge) {
			f.tpmClaims = func(c *tpm.Claims) { c.Selection = append(slices.Clone(c.Selection), 23) }
			f.quote = func(q *tpm.Quote) { q.PCRs[23] = make([]byte, 32) }
		}, expect: "tpm.quote.pcr_values"},
		{name: "quote-pcr-digest", comment: "a register value changed", change: func(f *forge) { f.quote = func(q *tpm.Quote) { q.PCRs[7] = make([]byte, 32) } }, expect: "tpm.quote.pcr_digest"},
		{name: "quote-signature", comment: "the quote is not by the AK", change: func(f *forge) {
			f.quote = func(q *tpm.Quote) { q.Signature[len(q.Signature)-1] ^= 1 }
		}, expect: "tpm.quote.signature"},
		{name: "quote-signature-first", comment: "a register value changed, and the quote is not by the AK: nothing is read to mend what no TPM signed", change: func(f *forge) {
			f.quote = func(q *tpm.Quote) { q.PCRs[10] = make([]byte, 32); q.Signature[len(q.Signature)-1] ^= 1 }
		}, expect: "tpm.quote.signature"},
		{name: "host-claims", comment: "host claims that do not follow the format", change: func(f *forge) { f.claims["host"] = []byte{0xa0} }, expect: "claims.malformed"},
		{name: "gpu-claims", comment: "GPU claims that do not follow the format", change: func(f *forge) { f.claims["gpu"] = []byte{0xa0} }, expect: "claims.malformed"},
		{name: "engine-claims", comment: "engine claims that do not follow the format", change: func(f *forge) { f.claims["engine"] = []byte{0xa0} }, expect: "claims.malformed"},
		{name: "measurement-format", comment: "a measurement of an unknown format", change: func(f *forge) {
			f.bound = func(b *attest.Bound) { b.Measurements = []attest.Measurement{{Format: 1, Bytes: []byte{0xa0}}} }
		}, expect: "claims.malformed"},
		{name: "measurement-bytes", comment: "a measurement that is no software map", change: func(f *forge) {
			f.bound = func(b *attest.Bound) {
				b.Measurements = []attest.Measurement{{Format: attest.FormatSoftware, Bytes: []byte{0x80}}}
			}
		}, expect: "claims.malformed"},
	}
}

const accepted = "accepted community"

// renamed makes challenge and evidence agree on a name that the key does not give.
func (f *forge) renamed() {
	other := attest.UEIDFromKey(attest.Digest(sha256.Sum256([]byte("somebody else"))))
	f.challenge = func(c *attest.Challenge) { c.Audience = other }
	f.bound = func(b *attest.Bound) { b.UEID = other }
}

// withdrawn keeps the enrolled name and TPM record and leaves the TPM out of the evidence.
func (f *forge) withdrawn() {
	f.bound = func(b *attest.Bound) {
		delete(b.Submods, "tpm")
		b.Absent = append(b.Absent, attest.Absent("tpm", attest.NotPresent, "no TPM today"))
	}
	f.roots = func(r map[attest.Kind]cbor.RawMessage) { delete(r, "tpm") }
}

// foreignAK quotes with another TPM's key and states the enrolled name.
func (f *forge) foreignAK() {
	enrolled, name := f.akPublic, f.ueid()
	f.ak = newKey(f.t)
	f.akPublic = akPublic(f.t, &f.ak.PublicKey)
	f.challenge = func(c *attest.Challenge) { c.Audience = name }
	f.bound = func(b *attest.Bound) { b.UEID = name }
	f.node = func(n *attest.Node) { n.UEID, n.TPM.AK = name, tpm2.Marshal(enrolled) }
}

// attributes enrolls and quotes with a key whose attributes are not an AK's.
func attributes(change func(*tpm2.TPMAObject)) func(*forge) {
	return func(f *forge) { change(&f.akPublic.ObjectAttributes) }
}

func sha1Bank(f *forge) {
	short := map[uint][]byte{}
	for _, i := range f.pcrSelection {
		short[i] = make([]byte, 20)
	}
	f.tpmClaims = func(c *tpm.Claims) { c.Bank = uint16(tpm2.TPMAlgSHA1) }
	f.attested = func(a *tpm2.TPMSAttest) {
		a.Attested = quoteInfo(f.pcrSelection, tpm2.TPMAlgSHA1, tpm.PCRDigest(short))
	}
	f.quote = func(q *tpm.Quote) { q.Bank, q.PCRs = uint16(tpm2.TPMAlgSHA1), short }
}

// flipSignature changes the low half of the signature, which keeps its form.
func flipSignature(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

// longHeaders signs the evidence anew, with the algorithm's header label in two bytes.
func (f *forge) longHeaders(b []byte) []byte {
	msg, err := sign.Open(b, attest.TypeEvidence, attest.MaxEvidenceSize)
	if err != nil {
		f.t.Fatal(err)
	}
	typ := f.must(attest.Marshal(attest.TypeEvidence))
	protected := slices.Concat([]byte{0xa2, 0x18, 0x01, 0x26, 0x10}, typ)
	digest := sha256.Sum256(f.must(attest.Marshal([]any{"Signature1", protected, []byte{}, msg.Unverified()})))
	for {
		r, s, err := ecdsa.Sign(rand.Reader, f.evidence, digest[:])
		if err != nil {
			f.t.Fatal(err)
		}
		if s.Cmp(new(big.Int).Rsh(f.evidence.Params().N, 1)) > 0 {
			continue // a high S has a refusal of its own
		}
		sig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		return append([]byte{0xd8, 0x3d, 0xd2}, f.must(attest.Marshal([]any{protected, map[int]int{}, msg.Unverified(), sig}))...)
	}
}

// longInteger writes the response's first key in two bytes.
func longInteger(b []byte) []byte { return append([]byte{b[0], 0x18, b[1]}, b[2:]...) }

// unknownKey adds one more entry behind the last of a map with fewer than 23; the negative key sorts last.
func unknownKey(b []byte) []byte {
	out := append([]byte{b[0] + 1}, b[1:]...)
	return append(binary.BigEndian.AppendUint32(append(out, 0x3a), 70000), 0x00)
}

// unknownText adds a text key that sorts behind all others.
func unknownText(b []byte) []byte {
	out := append([]byte{b[0] + 1}, b[1:]...)
	key := strings.Repeat("z", 23)
	return append(append(append(out, 0x60+23), key...), 0x00)
}

func tamperNode(f *forge) []byte {
	doc, err := decodeNodeFile(f.nodeFile())
	if err != nil {
		f.t.Fatal(err)
	}
	doc[len(doc)-1] ^= 1
	return f.must(encodeNodeFile(doc, nil))
}

func otherProfile(f *forge) []byte {
	n := attest.Node{Profile: "https://example.org/2", UEID: f.ueid(), Trust: attest.TrustFirstUse, Key: &tlsKey}
	var err error
	if n.Signer, err = x509.MarshalPKIXPublicKey(&f.validator.PublicKey); err != nil {
		f.t.Fatal(err)
	}
	return f.must(encodeNodeFile(f.must(sign.Seal(f.validator, attest.TypeNode, f.must(attest.Marshal(n)))), nil))
}

// run makes one case's record and judges it.
func (c aCase) run(t *testing.T) *Result {
	t.Helper()
	f := newForge(t)
	c.change(f)
	e, o, record := c.prepare(f)
	r, err := judgeRecord(e, nil, o, record)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (c aCase) prepare(f *forge) (Endorsements, Options, []byte) {
	e := Endorsements{Validator: &f.validator.PublicKey, Node: f.nodeFile()}
	if c.endorse != nil {
		c.endorse(f, &e)
	}
	o := Options{At: f.at.Add(time.Second), Asked: TierCommunity}
	if c.options != nil {
		c.options(&o)
	}
	record := f.make()
	if c.expect == "record.signature" {
		record = flipSignature(record)
	}
	return e, o, record
}

func judgeRecord(e Endorsements, refs *References, o Options, record []byte) (*Result, error) {
	p, err := DefaultPolicy()
	if err != nil {
		return nil, err
	}
	v, err := New(e, refs, p)
	if err != nil {
		return nil, err
	}
	return v.Verify(record, o)
}

// outcome is what a vector's expect line is compared with.
func outcome(r *Result) string {
	if f, ok := r.Primary(); ok && f.Status == Contraindicated {
		return f.ID
	}
	if r.Accepted {
		return "accepted " + string(r.Tier)
	}
	return "capped at " + string(r.Tier)
}

func TestEachCheckHasItsFinding(t *testing.T) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			r := c.run(t)
			if got := outcome(r); got != c.expect {
				t.Errorf("got %s, want %s\n%+v", got, c.expect, r.Findings)
			}
			if r.Accepted != (c.expect == accepted) {
				t.Errorf("accepted: %v", r.Accepted)
			}
		})
	}
}
