package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/host"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/gpu"
	"github.com/hallmark-attest/hallmark/sign"
)

func TestFilesThatAreNoReferenceAreErrors(t *testing.T) {
	key, forged := newKey(t), newKey(t)
	good, err := MarshalReference(key, attest.Reference{Models: []attest.ReferenceModel{{Name: "m"}}})
	if err != nil {
		t.Fatal(err)
	}
	file := func(doc []byte) []byte {
		b, err := json.Marshal(referenceFile{Reference: base64.RawURLEncoding.EncodeToString(doc)})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	sealed := func(typ string, payload []byte) []byte {
		b, err := sign.Seal(key, typ, payload)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	tampered := sealed(attest.TypeReference, []byte{0xa0})
	tampered[len(tampered)-1] ^= 1
	var whole referenceFile
	if err := json.Unmarshal(good, &whole); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"rubbish behind":      []byte(`{"reference":"` + whole.Reference + `*"}`),
		"member twice":        []byte(`{"reference":"` + whole.Reference + `","reference":5}`),
		"nothing":             nil,
		"over the limit":      append(bytes.Clone(good), bytes.Repeat([]byte(" "), maxReferenceFile)...),
		"no JSON":             []byte("reference"),
		"no member":           []byte("{}"),
		"no base64":           []byte(`{"reference":"*"}`),
		"signed, no payload":  file(sealed(attest.TypeReference, []byte{0xa0})),
		"another document":    file(sealed(attest.TypeNode, []byte{0xa0})),
		"changed when signed": file(tampered),
	} {
		r := new(References)
		if err := r.Add(b, &key.PublicKey); err == nil || r.given {
			t.Errorf("%s: added under the key, %v", name, err)
		}
		if name == "changed when signed" {
			continue
		}
		if err := r.Add(b, nil); err == nil || r.given {
			t.Errorf("%s: added without a key, %v", name, err)
		}
	}
	if err := new(References).Add(good, &forged.PublicKey); err == nil {
		t.Error("a foreign signer was believed")
	}
	if _, err := MarshalReference(key, attest.Reference{Executables: []attest.ReferenceExecutable{{Role: "shell"}}}); err == nil {
		t.Error("a reference nobody reads was signed")
	}
}

func TestPolicyRefusesNamesBeyondThoseThatExist(t *testing.T) {
	good, err := policyFiles.ReadFile("policy/verified.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"kind too many":   strings.Replace(string(good), "kinds:\n", "kinds:\n  sev: ignored\n", 1),
		"demand too many": strings.Replace(string(good), "demands:\n", "demands:\n  luck: ignored\n", 1),
		"over the limit":  string(good) + "#" + strings.Repeat("x", MaxPolicySize),
	} {
		if _, err := ParseTierPolicy([]byte(bad)); err == nil || bad == string(good) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every kind's claims are bytes inside bytes: the outer encoding does not look into them, so each parser must.
func TestClaimsInAnotherEncodingAreRefusedByEachKind(t *testing.T) {
	f := newForge(t)
	claims := map[attest.Kind][]byte{
		attest.KindGPU:    readTestdata(t, "../gpu/testdata/h100-sxm-8.cbor"),
		attest.KindEngine: f.must(attest.Marshal(engine.Claims{ObtainedAt: 5, How: "procfs", Engines: []engine.Engine{}})),
		attest.KindHost:   f.must(attest.Marshal(host.Claims{ObtainedAt: 5, How: "sysfs", PCI: []host.PCIDevice{}, RDMA: []host.RDMAPort{}})),
	}
	parse := map[attest.Kind]func([]byte) error{
		attest.KindGPU:    func(b []byte) error { _, err := gpu.Parse(b); return err },
		attest.KindEngine: func(b []byte) error { _, err := engine.Parse(b); return err },
		attest.KindHost:   func(b []byte) error { _, err := host.Parse(b); return err },
	}
	for kind, b := range claims {
		if err := parse[kind](b); err != nil {
			t.Fatal(err)
		}
		// "how" is a text shorter than 24 bytes: write its length in a byte of its own.
		i := bytes.Index(b, append([]byte{0x63}, "how"...)) + 4
		if b[i]>>5 != 3 || b[i]&0x1f > 23 {
			t.Fatalf("%s: %#x is no short text", kind, b[i])
		}
		bad := append(append(bytes.Clone(b[:i]), 0x78, b[i]&0x1f), b[i+1:]...)
		if parse[kind](bad) == nil {
			t.Errorf("%s: read", kind)
		}
		g := newForge(t)
		g.claims[kind] = bad
		if r := judged(t, g, TierCommunity); find(t, r, "claims.malformed").Expected != "within the format" || r.Accepted {
			t.Errorf("%s: %+v", kind, r.Findings)
		}
	}
}

// A base64 decoder gives back the whole groups before the rubbish: all of a document whose length is a multiple of three.
func TestRubbishBehindADocumentIsRefusedAtEveryLength(t *testing.T) {
	f, key := newForge(t), newKey(t)
	whole := 0
	for pad := range 3 {
		f.node = func(n *attest.Node) { n.TPM.Model = strings.Repeat("x", 1+pad) }
		node := f.nodeFile()
		reference, err := MarshalReference(key, attest.Reference{Models: []attest.ReferenceModel{{Name: strings.Repeat("x", 1+pad)}}})
		if err != nil {
			t.Fatal(err)
		}
		for member, b := range map[string][]byte{"node": node, "reference": reference} {
			var m map[string]any
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatal(err)
			}
			text := m[member].(string)
			if len(text)%4 == 0 {
				whole++
			}
			bad := []byte(`{"` + member + `":"` + text + `*"}`)
			if _, err := OpenNode(bad); err == nil {
				t.Errorf("%s, %d: opened", member, pad)
			}
			if err := new(References).Add(bad, nil); err == nil {
				t.Errorf("%s, %d: added", member, pad)
			}
		}
	}
	if whole != 2 {
		t.Errorf("%d documents of whole groups, want one node and one reference", whole)
	}
}
