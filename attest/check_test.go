package attest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// spoilt says what a parser makes of a good value after one change.
type spoilt[T any] struct {
	name   string
	change func(*T)
	ok     bool
}

// checkParse changes one thing at a time in a value that parses. Each good value is made anew.
func checkParse[T any](t *testing.T, good func() T, parse func([]byte) (*T, error), list []spoilt[T]) {
	t.Helper()
	for _, s := range append([]spoilt[T]{{"the good value", func(*T) {}, true}}, list...) {
		v := good()
		s.change(&v)
		b, err := Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(b); (err == nil) != s.ok {
			t.Errorf("%s: %v", s.name, err)
		}
		if _, err := parse(longKey(t, b)); s.ok && !errors.Is(err, ErrNotCanonical) {
			t.Errorf("%s, its first key in another encoding: %v", s.name, err)
		}
	}
	if _, err := parse([]byte{0xff}); err == nil {
		t.Error("bytes that are no CBOR were accepted")
	}
	if _, err := parse([]byte{0xf6}); err == nil {
		t.Error("null was accepted")
	}
}

// longKey writes a map's first key with one byte more than it needs.
func longKey(t *testing.T, b []byte) []byte {
	t.Helper()
	switch head := b[1]; {
	case head < 24: // a small unsigned integer
		return slices.Concat(b[:1], []byte{0x18, head}, b[2:])
	case head > 0x60 && head < 0x78: // a short text
		return slices.Concat(b[:1], []byte{0x78, head & 0x1f}, b[2:])
	}
	t.Fatalf("first key %#x", b[1])
	return nil
}

func long(n int) string { return strings.Repeat("x", n) }

func TestChallengeIsHeldAgainstItsLimits(t *testing.T) {
	good := func() Challenge {
		return Challenge{Profiles: []string{Profile}, Nonce: Nonce{1}, Issued: 10, Expires: 20, Audience: UEID{1}, Kinds: []Kind{"gpu", "tpm"}}
	}
	checkParse(t, good, ParseChallenge, []spoilt[Challenge]{
		{"no profile", func(c *Challenge) { c.Profiles = nil }, false},
		{"most profiles", func(c *Challenge) { c.Profiles = slices.Repeat(c.Profiles, MaxProfiles) }, true},
		{"more profiles", func(c *Challenge) { c.Profiles = slices.Repeat(c.Profiles, MaxProfiles+1) }, false},
		{"empty profile", func(c *Challenge) { c.Profiles = []string{""} }, false},
		{"longest profile", func(c *Challenge) { c.Profiles = []string{long(MaxText)} }, true},
		{"longer profile", func(c *Challenge) { c.Profiles = []string{long(MaxText + 1)} }, false},
		{"no kind", func(c *Challenge) { c.Kinds = nil }, false},
		{"unknown kind", func(c *Challenge) { c.Kinds = []Kind{"gpx"} }, false},
		{"kind twice", func(c *Challenge) { c.Kinds = []Kind{"gpu", "gpu"} }, false},
		{"nonce of zeros", func(c *Challenge) { c.Nonce = Nonce{} }, false},
		{"expires when issued", func(c *Challenge) { c.Expires = c.Issued }, false},
		{"expires before issued", func(c *Challenge) { c.Expires = c.Issued - 1 }, false},
		{"longest life", func(c *Challenge) { c.Expires = c.Issued + MaxLifeMillis }, true},
		{"longer life", func(c *Challenge) { c.Expires = c.Issued + MaxLifeMillis + 1 }, false},
		{"audience of another type", func(c *Challenge) { c.Audience = UEID{2} }, false},
	})
}

func TestActivationRequestFitsItsStep(t *testing.T) {
	ask := func() Activate {
		return Activate{Profiles: []string{Profile}, Nonce: Nonce{1}, Issued: 1, Expires: 2, Audience: UEID{1}, Step: StepParameters}
	}
	checkParse(t, ask, ParseActivate, []spoilt[Activate]{
		{"no profile", func(a *Activate) { a.Profiles = nil }, false},
		{"more profiles", func(a *Activate) { a.Profiles = slices.Repeat(a.Profiles, MaxProfiles+1) }, false},
		{"nonce of zeros", func(a *Activate) { a.Nonce = Nonce{} }, false},
		{"template already", func(a *Activate) { a.EK = "L-1" }, false},
		{"credential already", func(a *Activate) { a.Credential = []byte{1} }, false},
		{"secret already", func(a *Activate) { a.Secret = []byte{1} }, false},
		{"activates with nothing", func(a *Activate) { a.Step = StepActivate }, false},
		{"unknown step", func(a *Activate) { a.Step = "again" }, false},
	})
	activate := func() Activate {
		a := ask()
		a.Step, a.EK, a.Credential, a.Secret = StepActivate, "L-1", []byte{1}, []byte{2}
		return a
	}
	checkParse(t, activate, ParseActivate, []spoilt[Activate]{
		{"no template", func(a *Activate) { a.EK = "" }, false},
		{"no credential", func(a *Activate) { a.Credential = nil }, false},
		{"no secret", func(a *Activate) { a.Secret = nil }, false},
		{"asks with everything", func(a *Activate) { a.Step = StepParameters }, false},
		{"unknown step", func(a *Activate) { a.Step = "again" }, false},
	})
	// The two mistakes are told apart, for whoever writes a validator.
	a := ask()
	a.Step = "again"
	if err := a.check(); err == nil || !strings.Contains(err.Error(), "unknown step") {
		t.Error(err)
	}
	a.Step = StepActivate
	if err := a.check(); err == nil || !strings.Contains(err.Error(), "do not fit together") {
		t.Error(err)
	}
	a = activate()
	a.Step = StepParameters
	if err := a.check(); err == nil || !strings.Contains(err.Error(), "do not fit together") {
		t.Error(err)
	}
}

func TestActivationParametersAreHeldAgainstTheirLimits(t *testing.T) {
	good := func() Parameters {
		return Parameters{EKs: []EKOffer{{Template: "L-1", Key: []byte{1}}}, AK: []byte{1}}
	}
	checkParse(t, good, ParseParameters, []spoilt[Parameters]{
		{"no key", func(p *Parameters) { p.EKs = nil }, false},
		{"more keys", func(p *Parameters) { p.EKs = slices.Repeat(p.EKs, MaxCerts+1) }, false},
		{"largest certificate", func(p *Parameters) { p.EKs[0].Certificate = make([]byte, MaxCertSize) }, true},
		{"larger certificate", func(p *Parameters) { p.EKs[0].Certificate = make([]byte, MaxCertSize+1) }, false},
		{"larger key", func(p *Parameters) { p.EKs[0].Key = make([]byte, MaxCertSize+1) }, false},
		{"longer chain", func(p *Parameters) { p.EKs[0].Chain = make([][]byte, MaxCerts+1) }, false},
		{"absence without reason", func(p *Parameters) { p.Absent = []Absence{{What: "x"}} }, false},
	})
}

func TestAbsencesAreHeldAgainstTheirLimits(t *testing.T) {
	one := func(a Absence) []Absence { return []Absence{a} }
	for _, c := range []struct {
		name string
		list []Absence
		ok   bool
	}{
		{"none", nil, true},
		{"most", slices.Repeat(one(Absent("x", Failed, "")), MaxAbsences), true},
		{"more", slices.Repeat(one(Absent("x", Failed, "")), MaxAbsences+1), false},
		{"of nothing", one(Absence{Reason: Failed}), false},
		{"longest name", one(Absence{What: long(MaxText), Reason: Failed}), true},
		{"longer name", one(Absence{What: long(MaxText + 1), Reason: Failed}), false},
		{"longest detail", one(Absence{What: "x", Reason: Failed, Detail: long(MaxDetail)}), true},
		{"longer detail", one(Absence{What: "x", Reason: Failed, Detail: long(MaxDetail + 1)}), false},
		{"no reason", one(Absence{What: "x"}), false},
	} {
		if err := CheckAbsences(c.list); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestResponseIsHeldAgainstItsLimits(t *testing.T) {
	good := func() Response {
		return Response{Evidence: []byte{1}, Answer: []byte{2}, Size: 2, Index: 1, Path: []Digest{{}}}
	}
	checkParse(t, good, ParseResponse, []spoilt[Response]{
		{"largest evidence", func(r *Response) { r.Evidence = make([]byte, MaxEvidenceSize) }, true},
		{"larger evidence", func(r *Response) { r.Evidence = make([]byte, MaxEvidenceSize+1) }, false},
		{"largest answer", func(r *Response) { r.Answer = make([]byte, MaxAnswerSize) }, true},
		{"larger answer", func(r *Response) { r.Answer = make([]byte, MaxAnswerSize+1) }, false},
		{"batch of none", func(r *Response) { r.Size, r.Index = 0, 0 }, false},
		{"largest batch", func(r *Response) { r.Size = MaxBatch }, true},
		{"larger batch", func(r *Response) { r.Size = MaxBatch + 1 }, false},
		{"index behind the batch", func(r *Response) { r.Index = 2 }, false},
		{"longer path", func(r *Response) { r.Path = make([]Digest, MaxPath+1) }, false},
		{"every log", func(r *Response) {
			r.Logs = map[string]Part{LogBoot: {Bytes: []byte{}}, LogIMA: {Bytes: []byte{}}, LogCEL: {Bytes: []byte{}}}
		}, true},
		{"an unknown log", func(r *Response) { r.Logs = map[string]Part{"x": {Bytes: []byte{}}} }, false},
		{"logs of a TD", func(r *Response) { r.Logs = map[string]Part{LogCCEL: {Bytes: []byte{}}, LogRTMR: {Bytes: []byte{}}} }, true},
		{"largest log", func(r *Response) { r.Logs = map[string]Part{LogIMA: {Bytes: make([]byte, MaxLogSize)}} }, true},
		{"larger log", func(r *Response) { r.Logs = map[string]Part{LogIMA: {Bytes: make([]byte, MaxLogSize+1)}} }, false},
		{"absent log", func(r *Response) { r.Logs = absentLog(LogIMA, nil) }, true},
		{"absent log of another name", func(r *Response) { r.Logs = absentLog(LogBoot, nil) }, false},
		{"absent log with content", func(r *Response) { r.Logs = absentLog(LogIMA, []byte{1}) }, false},
	})
	r := good()
	r.Size = 0
	b, err := Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseResponse(b); err == nil || !strings.Contains(err.Error(), "batch of 0, want") {
		t.Error(err)
	}
}

func absentLog(what string, content []byte) map[string]Part {
	a := Absent(what, NotPresent, "")
	return map[string]Part{LogIMA: {Bytes: content, Absent: &a}}
}

func TestRecordIsHeldAgainstItsLimits(t *testing.T) {
	checkParse(t, func() Record { return Record{Challenge: []byte{1}, Response: []byte{1}} }, ParseRecord, []spoilt[Record]{
		{"largest challenge", func(r *Record) { r.Challenge = make([]byte, MaxRequestSize) }, true},
		{"larger challenge", func(r *Record) { r.Challenge = make([]byte, MaxRequestSize+1) }, false},
		{"largest response", func(r *Record) { r.Response = make([]byte, MaxResponseSize) }, true},
		{"larger response", func(r *Record) { r.Response = make([]byte, MaxResponseSize+1) }, false},
	})
}

func TestNodeHasOneRootAndTheTrustThatFitsIt(t *testing.T) {
	tpm := func() Node { return Node{Trust: TrustCertificate, TPM: &NodeTPM{}} }
	checkParse(t, tpm, ParseNode, []spoilt[Node]{
		{"unlisted", func(n *Node) { n.Trust = TrustUnlisted }, true},
		{"demo", func(n *Node) { n.Trust = TrustDemo }, true},
		{"first use of a TPM", func(n *Node) { n.Trust = TrustFirstUse }, false},
		{"unknown trust", func(n *Node) { n.Trust = "full" }, false},
		{"no root", func(n *Node) { n.TPM = nil }, false},
		{"two roots", func(n *Node) { n.Key = &Digest{} }, false},
	})
	key := func() Node { return Node{Trust: TrustFirstUse, Key: &Digest{}} }
	checkParse(t, key, ParseNode, []spoilt[Node]{
		{"certificate for a node key", func(n *Node) { n.Trust = TrustCertificate }, false},
		{"unknown trust", func(n *Node) { n.Trust = "" }, false},
	})
}

// censusOf is a byte string that takes n bytes in all.
func censusOf(n int) cbor.RawMessage {
	return append(cbor.RawMessage{0x59, byte((n - 3) >> 8), byte(n - 3)}, make([]byte, n-3)...)
}

func TestReferenceIsHeldAgainstItsLimits(t *testing.T) {
	good := func() Reference {
		return Reference{Version: 1, Models: []ReferenceModel{{Name: "m"}}, Executables: []ReferenceExecutable{{Name: "e", Role: RoleEngine}}}
	}
	checkParse(t, good, ParseReference, []spoilt[Reference]{
		{"version 0", func(r *Reference) { r.Version = 0 }, false},
		{"version 2", func(r *Reference) { r.Version = 2 }, false},
		{"more models", func(r *Reference) { r.Models = slices.Repeat(r.Models, MaxModels+1) }, false},
		{"more executables", func(r *Reference) { r.Executables = slices.Repeat(r.Executables, MaxExecutables+1) }, false},
		{"most files", func(r *Reference) { r.Models[0].Entries = make([]ModelFile, MaxListedFiles) }, true},
		{"more files", func(r *Reference) { r.Models[0].Entries = make([]ModelFile, MaxListedFiles+1) }, false},
		{"a census", func(r *Reference) { r.Models[0].Census = cbor.RawMessage{0xa1, 0x61, 'a', 0x01} }, true},
		{"largest census", func(r *Reference) { r.Models[0].Census = censusOf(MaxCensusSize) }, true},
		{"larger census", func(r *Reference) { r.Models[0].Census = censusOf(MaxCensusSize + 1) }, false},
		{"a census with a long integer", func(r *Reference) { r.Models[0].Census = cbor.RawMessage{0xa1, 0x61, 'a', 0x18, 0x01} }, false},
		{"a census with keys out of order", func(r *Reference) { r.Models[0].Census = cbor.RawMessage{0xa2, 0x61, 'b', 1, 0x61, 'a', 1} }, false},
		{"a census with a key twice", func(r *Reference) { r.Models[0].Census = cbor.RawMessage{0xa2, 0x61, 'a', 1, 0x61, 'a', 1} }, false},
		{"a tagged census", func(r *Reference) { r.Models[0].Census = cbor.RawMessage{0xc1, 0x01} }, false},
		{"a deep census", func(r *Reference) { r.Models[0].Census = append(bytes.Repeat([]byte{0x81}, 20), 1) }, false},
		{"a publisher", func(r *Reference) { r.Models[0].Publisher = &Publisher{Digest{1}, "m"} }, true},
		{"a publisher who names no model", func(r *Reference) { r.Models[0].Publisher = &Publisher{Digest{1}, ""} }, true},
		{"a publisher without key", func(r *Reference) { r.Models[0].Publisher = &Publisher{Subject: "m"} }, false},
		{"a long subject", func(r *Reference) { r.Models[0].Publisher = &Publisher{Digest{1}, strings.Repeat("x", MaxText+1)} }, false},
		{"a subject that moves the cursor", func(r *Reference) { r.Models[0].Publisher = &Publisher{Digest{1}, "m\x1b[2J"} }, false},
		{"a boot", func(r *Reference) {
			r.Boots = []ReferenceBoot{{Name: "b", Registers: map[uint][]byte{7: make([]byte, 32)}}}
		}, true},
		{"a boot that says nothing", func(r *Reference) { r.Boots = []ReferenceBoot{{Name: "b"}} }, false},
		{"register 24", func(r *Reference) { r.Boots = []ReferenceBoot{{Registers: map[uint][]byte{24: make([]byte, 32)}}} }, false},
		{"a short register", func(r *Reference) { r.Boots = []ReferenceBoot{{Registers: map[uint][]byte{7: make([]byte, 20)}}} }, false},
		{"a long register", func(r *Reference) { r.Boots = []ReferenceBoot{{Registers: map[uint][]byte{7: make([]byte, 65)}}} }, false},
		{"most boots", func(r *Reference) { r.Boots = slices.Repeat([]ReferenceBoot{{Policy: &BootPolicy{}}}, MaxBoots) }, true},
		{"more boots", func(r *Reference) { r.Boots = slices.Repeat([]ReferenceBoot{{Policy: &BootPolicy{}}}, MaxBoots+1) }, false},
		{"most keys", func(r *Reference) {
			r.Boots = []ReferenceBoot{{Policy: &BootPolicy{Keys: make([]Digest, MaxBootValues)}}}
		}, true},
		{"more keys", func(r *Reference) {
			r.Boots = []ReferenceBoot{{Policy: &BootPolicy{Keys: make([]Digest, MaxBootValues+1)}}}
		}, false},
		{"more files", func(r *Reference) {
			r.Boots = []ReferenceBoot{{Policy: &BootPolicy{Files: make([][]byte, MaxBootValues+1)}}}
		}, false},
		{"more images", func(r *Reference) {
			r.Boots = []ReferenceBoot{{Policy: &BootPolicy{Images: make([][]byte, MaxBootValues+1)}}}
		}, false},
		{"more firmware", func(r *Reference) {
			r.Boots = []ReferenceBoot{{Policy: &BootPolicy{Firmware: make([][]byte, MaxBootValues+1)}}}
		}, false},
		{"more lists", func(r *Reference) {
			r.Boots = []ReferenceBoot{{Policy: &BootPolicy{Lists: make([][]byte, MaxBootValues+1)}}}
		}, false},
		{"more command lines", func(r *Reference) {
			r.Boots = []ReferenceBoot{{Policy: &BootPolicy{CommandLines: make([]string, MaxBootValues+1)}}}
		}, false},
		{"most measured files", func(r *Reference) { r.Measured = make([]MeasuredFile, MaxMeasured) }, true},
		{"more measured files", func(r *Reference) { r.Measured = make([]MeasuredFile, MaxMeasured+1) }, false},
		{"unknown role", func(r *Reference) { r.Executables[0].Role = "shell" }, false},
		{"every role", func(r *Reference) {
			for _, role := range []Role{RoleLibrary, RoleAgent, RoleProbe, RoleNVML} {
				r.Executables = append(r.Executables, ReferenceExecutable{Role: role})
			}
		}, true},
	})
}

func goodBound() Bound {
	b := Bound{UEID: UEID{1}, Class: ClassFast, Name: "hallmark-agent", Version: []string{"1"}, Submods: map[Kind]cbor.RawMessage{}}
	for _, k := range []Kind{"engine", "gpu", "gpu-report", "guest", "host", "tdx", "telemetry", "tpm"} {
		b.Absent = append(b.Absent, Absent(string(k), NotConfigured, ""))
	}
	return b
}

func TestBoundIsHeldAgainstItsLimits(t *testing.T) {
	names := func(n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[long(i+1)] = ""
		}
		return m
	}
	checkParse(t, goodBound, ParseBound, []spoilt[Bound]{
		{"device class", func(b *Bound) { b.Class = ClassDevice }, true},
		{"unknown class", func(b *Bound) { b.Class = "" }, false},
		{"ueid of another type", func(b *Bound) { b.UEID[0] = 0 }, false},
		{"stated instead of absent", func(b *Bound) { b.Submods["engine"], b.Absent = cbor.RawMessage{0xa0}, b.Absent[1:] }, true},
		{"unknown kind stated", func(b *Bound) { b.Submods["gpx"], b.Absent = cbor.RawMessage{0xa0}, b.Absent[1:] }, false},
		{"unknown kind absent", func(b *Bound) { b.Absent[0].What = "aaa" }, false},
		{"stated and absent in place of another", func(b *Bound) { b.Submods["tpm"], b.Absent = cbor.RawMessage{0xa0}, b.Absent[1:] }, false},
		{"absent twice", func(b *Bound) { b.Absent[1].What = "engine" }, false},
		{"one kind silent", func(b *Bound) { b.Absent = b.Absent[1:] }, false},
		{"no version", func(b *Bound) { b.Version = nil }, false},
		{"two versions", func(b *Bound) { b.Version = []string{"1", "2"} }, false},
		{"longest names", func(b *Bound) { b.Name, b.Version[0] = long(MaxText), long(MaxText) }, true},
		{"longer name", func(b *Bound) { b.Name = long(MaxText + 1) }, false},
		{"longer version", func(b *Bound) { b.Version[0] = long(MaxText + 1) }, false},
		{"more measurements", func(b *Bound) { b.Measurements = make([]Measurement, MaxKinds+1) }, false},
		{"longer path", func(b *Bound) { b.Inputs.Paths = map[string]string{"x": long(MaxText + 1)} }, false},
		{"longer name of a path", func(b *Bound) { b.Inputs.Paths = map[string]string{long(MaxText + 1): ""} }, false},
		{"longer namespace", func(b *Bound) { b.Inputs.Namespaces = map[string]string{"x": long(MaxText + 1)} }, false},
		{"longer name of a file system", func(b *Bound) { b.Inputs.StatFS = map[string]uint64{long(MaxText + 1): 1} }, false},
		{"most inputs", func(b *Bound) { b.Inputs.Paths, b.Inputs.Namespaces = names(MaxKinds), names(MaxKinds) }, true},
		{"more paths", func(b *Bound) { b.Inputs.Paths = names(MaxKinds + 1) }, false},
		{"more namespaces", func(b *Bound) { b.Inputs.Namespaces = names(MaxKinds + 1) }, false},
		{"more file systems", func(b *Bound) {
			b.Inputs.StatFS = map[string]uint64{}
			for k := range names(MaxKinds + 1) {
				b.Inputs.StatFS[k] = 1
			}
		}, false},
		{"more settings", func(b *Bound) { b.Inputs.NonDefault = make([]string, MaxAbsences+1) }, false},
		{"longest setting", func(b *Bound) { b.Inputs.NonDefault = []string{long(MaxText)} }, true},
		{"longer setting", func(b *Bound) { b.Inputs.NonDefault = []string{long(MaxText + 1)} }, false},
	})
}

func TestRootsHoldKnownKindsOnly(t *testing.T) {
	for _, c := range []struct {
		b  []byte
		ok bool
	}{{[]byte{0xa0}, true}, {[]byte{0xa1, 0x63, 't', 'p', 'm', 0x00}, true}, {[]byte{0xa1, 0x63, 't', 'd', 'x', 0x00}, true}, {[]byte{0xa1, 0x63, 'g', 'p', 'u', 0x00}, false}, {[]byte{0xa0, 0}, false}, {[]byte{0x80}, false}, {nil, false}} {
		if _, err := ParseRoots(c.b); (err == nil) != c.ok {
			t.Errorf("%x: %v", c.b, err)
		}
	}
}

func TestEvidenceKeyIsOnP256(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewConfirmation(&p384.PublicKey); err == nil {
		t.Error("a key on P-384 was taken")
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good, err := NewConfirmation(&p256.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if pub, err := good.PublicKey(); err != nil || !pub.Equal(&p256.PublicKey) {
		t.Error(err)
	}
	for name, change := range map[string]func(*COSEKey){"OKP": func(k *COSEKey) { k.Type = 1 }, "P-384": func(k *COSEKey) { k.Curve = 2 }} {
		c := good
		change(&c.Key)
		if _, err := c.PublicKey(); err == nil {
			t.Errorf("a key that says %s was read", name)
		}
	}
	if _, err := KeyDigest("no key"); err == nil {
		t.Error("a digest of no key")
	}
}

func TestUEIDHasOneForm(t *testing.T) {
	good := UEIDFromKey(Digest{7})
	if u, err := ParseUEID(good.String()); err != nil || u != good {
		t.Error(err)
	}
	for _, s := range []string{"", good.String()[2:], good.String() + "00", "02" + good.String()[2:], "zz" + good.String()[2:], good.String()[:65], good.String() + "0", good.String() + "zz"} {
		if u, err := ParseUEID(s); err == nil {
			t.Errorf("%q was read as %s", s, u)
		}
	}
}

func TestDeviceKindsNeedTheDeviceClass(t *testing.T) {
	for want, list := range map[Class][][]Kind{ClassFast: {nil, {KindTPM}, {KindGPU, KindHost}}, ClassDevice: {{KindTDX}, {KindGPUReport}, {KindGPU, KindTDX}}} {
		for _, kinds := range list {
			if got := ClassOf(kinds); got != want {
				t.Errorf("%v: %s, want %s", kinds, got, want)
			}
		}
	}
}

// Formatting characters reorder what people read.
func TestCleanTakesFormattingCharactersOut(t *testing.T) {
	if got := Clean("a\u202eb\u200bc\u0085d"); got != "a b c d" {
		t.Errorf("%q", got)
	}
}
