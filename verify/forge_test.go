package verify

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/merkle"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/sign"
)

// forge builds whole records with keys of its own, TPM structures included, and
// lets a test change one thing at any step while everything behind that step is
// made to fit: what a dishonest node with that much power would send. The AK is a
// software key; what makes it pass is only that the node record pins it.
type forge struct {
	t         testing.TB
	at        time.Time
	validator *ecdsa.PrivateKey
	evidence  *ecdsa.PrivateKey
	ak        *ecdsa.PrivateKey // nil: a host without TPM
	akPublic  tpm2.TPMTPublic
	claims    map[attest.Kind][]byte // kinds beside the TPM; others are absent
	others    int                    // further leaves in the batch
	clock     tpm2.TPMSClockInfo
	firmware  uint64
	logs      map[string]attest.Part // sent; the challenge asks for each from its offset
	td        *tdForge               // nil: a host that is no trust domain

	// Hooks, in the order in which a node passes them.
	challengeKey *ecdsa.PrivateKey
	challenge    func(*attest.Challenge)
	answer       func(*attest.Answer)
	tpmClaims    func(*tpm.Claims)
	bound        func(*attest.Bound)
	rawBound     func([]byte) []byte   // before binding
	pcrs         func(map[uint][]byte) // the registers that the TPM holds
	attested     func(*tpm2.TPMSAttest)
	pcrSelection []uint
	quote        func(*tpm.Quote)
	roots        func(map[attest.Kind]cbor.RawMessage)
	payload      func(*attest.Evidence) // after quoting: edited and signed again
	envelope     func([]byte) []byte
	response     func(*attest.Response)
	raw          func([]byte) []byte
	record       func(*attest.Record)
	recordKey    *ecdsa.PrivateKey
	node         func(*attest.Node)
	nodeKey      *ecdsa.PrivateKey
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := sign.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newForge is an honest node with a TPM.
func newForge(t testing.TB) *forge {
	f := &forge{t: t, at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), claims: map[attest.Kind][]byte{},
		validator: newKey(t), evidence: newKey(t), ak: newKey(t), others: 2,
		clock: tpm2.TPMSClockInfo{Clock: 1000, ResetCount: 3, Safe: true}, firmware: 1, logs: map[string]attest.Part{}}
	f.akPublic = akPublic(t, &f.ak.PublicKey)
	f.pcrSelection = slices.Clone(requiredPCRs)
	return f
}

func akPublic(t testing.TB, pub *ecdsa.PublicKey) tpm2.TPMTPublic {
	b, err := pub.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return tpm2.TPMTPublic{
		Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true,
			UserWithAuth: true, NoDA: true, Restricted: true, SignEncrypt: true},
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
			Scheme: tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUAsymScheme(
				tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256})},
			CurveID: tpm2.TPMECCNistP256}),
		Unique: tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{
			X: tpm2.TPM2BECCParameter{Buffer: b[1:33]}, Y: tpm2.TPM2BECCParameter{Buffer: b[33:]}}),
	}
}

func (f *forge) must(b []byte, err error) []byte {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

func call[T any](hook func(T), v T) {
	if hook != nil {
		hook(v)
	}
}

func pass(hook func([]byte) []byte, b []byte) []byte {
	if hook != nil {
		return hook(b)
	}
	return b
}

func or[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

func (f *forge) akName() []byte {
	n, err := tpm2.ObjectName(&f.akPublic)
	if err != nil {
		f.t.Fatal(err)
	}
	return n.Buffer
}

func (f *forge) ueid() attest.UEID {
	if f.ak == nil {
		return attest.UEIDFromKey(f.keyDigest(f.evidence))
	}
	return attest.UEIDFromAK(f.akName())
}

func (f *forge) keyDigest(k *ecdsa.PrivateKey) attest.Digest {
	d, err := attest.KeyDigest(&k.PublicKey)
	if err != nil {
		f.t.Fatal(err)
	}
	return d
}

func ms(t time.Time) uint64 { return uint64(t.UnixMilli()) }

var (
	tlsKey   = attest.Digest(sha256.Sum256([]byte("tls key")))
	exporter = attest.Digest(sha256.Sum256([]byte("exporter")))
)

// nodeFile enrolls the forge's honest keys, whatever the hooks make of the evidence.
func (f *forge) nodeFile() []byte {
	n := attest.Node{UEID: f.ueid(), Enrolled: ms(f.at.Add(-time.Hour)), Trust: attest.TrustCertificate}
	if f.ak != nil {
		n.TPM = &attest.NodeTPM{AK: tpm2.Marshal(f.akPublic), EK: tlsKey, EKTemplate: "L-1", Class: "discrete", Manufacturer: "IFX"}
	} else {
		d := f.keyDigest(f.evidence)
		n.Key, n.Trust = &d, attest.TrustFirstUse
		if f.td != nil {
			n.TD, n.Trust = f.td.node(), attest.TrustDemo
		}
	}
	call(f.node, &n)
	return f.must(MarshalNode(or(f.nodeKey, f.validator), n))
}

// make runs the whole exchange and returns the record.
func (f *forge) make() []byte {
	f.t.Helper()
	c := attest.Challenge{Profiles: []string{attest.Profile}, Nonce: attest.Nonce(sha256.Sum256([]byte("nonce"))),
		Issued: ms(f.at), Expires: ms(f.at.Add(time.Minute)), Audience: f.ueid(), Kinds: []attest.Kind{"engine", "gpu", "host", "tpm"}}
	if f.td != nil {
		c.Kinds = []attest.Kind{"engine", "gpu", "host", "tdx", "tpm"}
	}
	if len(f.logs) > 0 {
		c.Logs = f.offsets()
	}
	call(f.challenge, &c)
	challenge := f.must(sign.Seal(or(f.challengeKey, f.validator), attest.TypeChallenge, f.must(attest.Marshal(c))))
	ans := attest.Answer{Channel: &exporter}
	call(f.answer, &ans)
	answer := f.must(attest.Marshal(ans))

	leaves := []attest.Digest{attest.Leaf(challenge, answer)}
	for i := range f.others {
		leaves = append(leaves, sha256.Sum256([]byte{byte(i)}))
	}
	tree, paths := merkle.Tree(leaves)
	e := f.evidenceOver(attest.BatchRoot(uint32(len(leaves)), tree))
	r := attest.Response{Evidence: pass(f.envelope, f.must(sign.Seal(f.evidence, attest.TypeEvidence, f.must(attest.Marshal(e))))),
		Answer: answer, Size: uint32(len(leaves)), Path: paths[0], Logs: maps.Clone(f.logs)}
	call(f.response, &r)
	rec := attest.Record{Challenge: challenge, Sent: ms(f.at.Add(time.Millisecond)), Received: ms(f.at.Add(20 * time.Millisecond)),
		TLSKey: tlsKey, Exporter: &exporter, Response: pass(f.raw, f.must(attest.Marshal(r)))}
	call(f.record, &rec)
	return f.must(sign.Seal(or(f.recordKey, f.validator), attest.TypeRecord, f.must(attest.Marshal(rec))))
}

// offsets ask for each log that the forge sends, from where it sends it.
func (f *forge) offsets() *attest.Logs {
	out := &attest.Logs{}
	for name, at := range map[string]**uint64{attest.LogBoot: &out.Boot, attest.LogIMA: &out.IMA, attest.LogCEL: &out.CEL,
		attest.LogCCEL: &out.CCEL, attest.LogRTMR: &out.RTMR} {
		if p, ok := f.logs[name]; ok {
			*at = &p.Offset
		}
	}
	return out
}

func (f *forge) evidenceOver(root attest.Digest) *attest.Evidence {
	cnf, err := attest.NewConfirmation(&f.evidence.PublicKey)
	if err != nil {
		f.t.Fatal(err)
	}
	b := attest.Bound{IssuedAt: uint64(f.at.Unix()), Confirmation: cnf, Root: root, UEID: f.ueid(), Name: "hallmark-agent",
		Version: []string{"1"}, TLSKey: tlsKey, Class: attest.ClassFast, Submods: map[attest.Kind]cbor.RawMessage{},
		Inputs: attest.Inputs{Config: tlsKey}}
	for k, v := range f.claims {
		b.Submods[k] = v
	}
	if f.ak != nil {
		b.Submods[attest.KindTPM] = f.tpmBody()
	}
	if f.td != nil {
		b.Submods[attest.KindTDX], b.Class = f.tdBody(), attest.ClassDevice
	}
	for _, k := range slices.Sorted(slices.Values(slices.Concat(attest.Built(), attest.Reserved()))) {
		if _, ok := b.Submods[k]; !ok {
			b.Absent = append(b.Absent, attest.Absent(string(k), attest.NotConfigured, "forged"))
		}
	}
	call(f.bound, &b)
	bound := pass(f.rawBound, f.must(attest.Marshal(b)))
	e := &attest.Evidence{Profile: attest.Profile, Bound: bound, Roots: f.quoteOver(root, bound)}
	call(f.payload, e)
	return e
}

func (f *forge) tpmBody() []byte {
	c := tpm.Claims{ObtainedAt: ms(f.at), How: "go-tpm", Device: "/dev/tpmrm0", AK: tpm2.Marshal(f.akPublic), EKs: []tpm.EKDigest{},
		Bank: uint16(tpm2.TPMAlgSHA256), Selection: f.pcrSelection, Absent: []attest.Absence{
			attest.Absent("firmware_version", attest.NotSupported, "forged"),
			attest.Absent("manufacturer", attest.NotSupported, "forged"),
			attest.Absent("runtime_register", attest.NotConfigured, "forged"),
			attest.Absent("vendor", attest.NotSupported, "forged")}}
	call(f.tpmClaims, &c)
	return f.must(attest.Marshal(c))
}

func (f *forge) quoteOver(root attest.Digest, bound []byte) []byte {
	roots, inside := map[attest.Kind]cbor.RawMessage{}, map[attest.Kind]attest.Digest{}
	binding := attest.Binding(root, f.keyDigest(f.evidence), bound)
	if f.td != nil {
		q := f.tdQuote(root, bound)
		roots[attest.KindTDX] = f.must(attest.Marshal(q))
		if !f.td.uncovering {
			inside[attest.KindTDX] = sha256.Sum256(q)
		}
	}
	if f.ak != nil {
		inner, err := attest.Inner(inside)
		if err != nil {
			f.t.Fatal(err)
		}
		q := f.sign(attest.TPMQualifying(binding, inner))
		call(f.quote, &q)
		roots[attest.KindTPM] = f.must(attest.Marshal(q))
	}
	call(f.roots, roots)
	return f.must(attest.Marshal(roots))
}

// sign plays the TPM.
func (f *forge) sign(qualifying attest.Digest) tpm.Quote {
	q := tpm.Quote{Bank: uint16(tpm2.TPMAlgSHA256), PCRs: map[uint][]byte{}}
	for _, i := range f.pcrSelection {
		v := sha256.Sum256([]byte{byte(i)})
		q.PCRs[i] = v[:]
	}
	call(f.pcrs, q.PCRs)
	a := tpm2.TPMSAttest{Magic: tpm2.TPMGeneratedValue, Type: tpm2.TPMSTAttestQuote,
		QualifiedSigner: tpm2.TPM2BName{Buffer: f.qualifiedName()}, ExtraData: tpm2.TPM2BData{Buffer: qualifying[:]},
		ClockInfo: f.clock, FirmwareVersion: f.firmware,
		Attested: quoteInfo(f.pcrSelection, tpm2.TPMAlgSHA256, tpm.PCRDigest(q.PCRs))}
	call(f.attested, &a)
	q.Attest = tpm2.Marshal(a)
	digest := sha256.Sum256(q.Attest)
	r, s, err := ecdsa.Sign(rand.Reader, f.ak, digest[:])
	if err != nil {
		f.t.Fatal(err)
	}
	q.Signature = tpm2.Marshal(tpm2.TPMTSignature{SigAlg: tpm2.TPMAlgECDSA, Signature: tpm2.NewTPMUSignature(tpm2.TPMAlgECDSA,
		&tpm2.TPMSSignatureECC{Hash: tpm2.TPMAlgSHA256, SignatureR: tpm2.TPM2BECCParameter{Buffer: r.FillBytes(make([]byte, 32))},
			SignatureS: tpm2.TPM2BECCParameter{Buffer: s.FillBytes(make([]byte, 32))}})})
	return q
}

func quoteInfo(pcrs []uint, bank tpm2.TPMAlgID, digest []byte) tpm2.TPMUAttest {
	return tpm2.NewTPMUAttest(tpm2.TPMSTAttestQuote, &tpm2.TPMSQuoteInfo{
		PCRSelect: tpm2.TPMLPCRSelection{PCRSelections: []tpm2.TPMSPCRSelection{{Hash: bank, PCRSelect: tpm2.PCClientCompatible.PCRs(pcrs...)}}},
		PCRDigest: tpm2.TPM2BDigest{Buffer: digest}})
}

func (f *forge) qualifiedName() []byte {
	d := sha256.Sum256(append(tpm.EndorsementName(), f.akName()...))
	return append([]byte{0, 0x0b}, d[:]...)
}

// withoutTPM turns the forge into a host whose persisted node key signs.
func (f *forge) withoutTPM() *forge { f.ak = nil; return f }

// judge verifies what make makes, against the forge's own node record.
func (f *forge) judge(asked Tier) (*Result, error) {
	f.t.Helper()
	return f.judgeWith(Endorsements{Validator: &f.validator.PublicKey, Node: f.nodeFile()}, nil, Options{At: f.at.Add(time.Second), Asked: asked})
}

func (f *forge) judgeWith(e Endorsements, refs *References, o Options) (*Result, error) {
	f.t.Helper()
	p, err := DefaultPolicy()
	if err != nil {
		f.t.Fatal(err)
	}
	v, err := New(e, refs, p)
	if err != nil {
		return nil, err
	}
	return v.Verify(f.make(), o)
}

// ids lists the ids of findings with one status.
func ids(r *Result, s Status) []string {
	set := map[string]bool{}
	for _, f := range r.Findings {
		if f.Status == s {
			set[f.ID] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
