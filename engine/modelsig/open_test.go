package modelsig_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/engine/modelsig"
)

func TestOpenAcceptsEachCurve(t *testing.T) {
	for curve := range hashOf {
		key := newKey(t, curve)
		s := open(t, signer{key: key}.sign(t, statement(tiny().resources(), filesOf(".git"))), key)
		if s.Subject.Name != "my-model" || len(s.Resources) != 3 || s.Serialization.Method != modelsig.MethodFiles {
			t.Errorf("%s: got %+v", curve.Params().Name, s)
		}
		if want := root(tiny().resources()); want != hex.EncodeToString(s.Subject.SHA256[:]) {
			t.Errorf("root %x, want %s", s.Subject.SHA256, want)
		}
	}
}

func TestOpenRejectsOtherKey(t *testing.T) {
	b := signer{key: newKey(t, elliptic.P256())}.sign(t, statement(tiny().resources(), filesOf()))
	for _, other := range []*ecdsa.PrivateKey{newKey(t, elliptic.P256()), newKey(t, elliptic.P384())} {
		_, err := modelsig.Open(b, &other.PublicKey)
		if !errors.Is(err, modelsig.ErrSignature) || !strings.Contains(err.Error(), "names key") {
			t.Errorf("got %v, want ErrSignature that names both keys", err)
		}
	}
	if _, err := modelsig.Open(b, nil); err == nil || errors.Is(err, modelsig.ErrSignature) {
		t.Errorf("no key: got %v, want an error that is no judgement", err)
	}
	if _, err := modelsig.Open(b, &newKey(t, elliptic.P224()).PublicKey); err == nil || errors.Is(err, modelsig.ErrSignature) {
		t.Errorf("P-224: got %v, want an error that is no judgement", err)
	}
}

// A hint is unauthenticated and every signer makes its own: it decides nothing.
func TestOpenIgnoresHintsAndKeyIDs(t *testing.T) {
	key := newKey(t, elliptic.P256())
	payload := encode(t, statement(tiny().resources(), filesOf()))
	for name, material := range map[string]object{
		"other hint":       {"publicKey": object{"hint": "0000"}},
		"before 1.1":       {"publicKey": object{"rawBytes": "AAAA", "keyDetails": "PKIX_ECDSA_P256_SHA_256"}},
		"timestamp and so": {"publicKey": object{"hint": ""}, "timestampVerificationData": object{}, "tlogEntries": []any{object{"logIndex": "1"}}},
	} {
		b := signer{key: key}.bundle(t, payload)
		b["verificationMaterial"] = material
		if _, err := modelsig.Open(encode(t, b), &key.PublicKey); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, keyid := range []any{nil, "", "k"} {
		b := signer{key: key}.bundle(t, payload)
		signature(b)["keyid"] = keyid
		open(t, encode(t, b), key)
		delete(signature(b), "keyid")
		open(t, encode(t, b), key)
	}
}

func signature(b object) object {
	return b["dsseEnvelope"].(object)["signatures"].([]any)[0].(object)
}

// One bit of the payload or of the signature, at any place, is noticed.
func TestOpenRejectsFlippedBits(t *testing.T) {
	key := newKey(t, elliptic.P256())
	b := signer{key: key}.bundle(t, encode(t, statement(tiny().resources(), filesOf())))
	for _, at := range []struct {
		in   object
		name string
	}{{b["dsseEnvelope"].(object), "payload"}, {signature(b), "sig"}} {
		good := at.in[at.name].(string)
		raw, _ := base64.StdEncoding.DecodeString(good)
		for i := range raw {
			raw[i] ^= 1
			at.in[at.name] = base64.StdEncoding.EncodeToString(raw)
			raw[i] ^= 1
			if _, err := modelsig.Open(encode(t, b), &key.PublicKey); !errors.Is(err, modelsig.ErrSignature) {
				t.Fatalf("%s, byte %d: got %v, want ErrSignature", at.name, i, err)
			}
		}
		at.in[at.name] = good
	}
	open(t, encode(t, b), key)
}

func TestOpenRejectsSwappedPayload(t *testing.T) {
	key := newKey(t, elliptic.P256())
	a := signer{key: key}.bundle(t, encode(t, statement(tiny().resources(), filesOf())))
	other := signer{key: key}.bundle(t, encode(t, statement(model{"config.json": "{}"}.resources(), filesOf())))
	a["dsseEnvelope"].(object)["payload"] = other["dsseEnvelope"].(object)["payload"]
	if _, err := modelsig.Open(encode(t, a), &key.PublicKey); !errors.Is(err, modelsig.ErrSignature) {
		t.Errorf("got %v, want ErrSignature", err)
	}
}

// A signature over the same bytes in another meaning is none over a statement.
func TestOpenRejectsConfusedEncoding(t *testing.T) {
	key := newKey(t, elliptic.P256())
	payload := encode(t, statement(tiny().resources(), filesOf()))
	for name, s := range map[string]signer{
		"no encoding":       {key: key, noPAE: true},
		"another type":      {key: key, signedType: "application/json"},
		"type with length":  {key: key, signedType: inToto + " 2 {}"},
		"type in upper":     {key: key, signedType: strings.ToUpper(inToto)},
		"type cut by a bit": {key: key, signedType: inToto[:len(inToto)-1]},
	} {
		if _, err := modelsig.Open(encode(t, s.bundle(t, payload)), &key.PublicKey); !errors.Is(err, modelsig.ErrSignature) {
			t.Errorf("%s: got %v, want ErrSignature", name, err)
		}
	}
	b := signer{key: key, signedType: "application/json"}.bundle(t, payload)
	b["dsseEnvelope"].(object)["payloadType"] = "application/json"
	if _, err := modelsig.Open(encode(t, b), &key.PublicKey); err == nil || !strings.Contains(err.Error(), "payloadType") {
		t.Errorf("type signed and stated alike, and not in-toto: got %v", err)
	}
}

func TestOpenAcceptsURLSafeBase64(t *testing.T) {
	key := newKey(t, elliptic.P256())
	b := signer{key: key}.bundle(t, encode(t, statement(tiny().resources(), filesOf())))
	for _, at := range []struct {
		in   object
		name string
	}{{b["dsseEnvelope"].(object), "payload"}, {signature(b), "sig"}} {
		at.in[at.name] = strings.NewReplacer("+", "-", "/", "_").Replace(at.in[at.name].(string))
	}
	open(t, encode(t, b), key)
}

func TestOpenNamesFormsItCannotJudge(t *testing.T) {
	key := newKey(t, elliptic.P256())
	payload := encode(t, statement(tiny().resources(), filesOf()))
	for want, material := range map[string]object{
		"signed by a certificate":       {"x509CertificateChain": object{"certificates": []any{object{"rawBytes": "AAAA"}}}},
		"signed by a sigstore identity": {"certificate": object{"rawBytes": "AAAA"}, "tlogEntries": []any{}},
	} {
		b := signer{key: key}.bundle(t, payload)
		b["verificationMaterial"] = material
		_, err := modelsig.Open(encode(t, b), &key.PublicKey)
		if !errors.Is(err, modelsig.ErrNotEvaluable) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "sign a hallmark reference") {
			t.Errorf("got %v, want %q and what to do", err, want)
		}
	}
	for _, hash := range []string{"blake2b", "blake3"} {
		ser := filesOf()
		ser["hash_type"] = hash
		_, err := modelsig.Open(signer{key: key}.sign(t, statement(tiny().resources(), ser)), &key.PublicKey)
		if !errors.Is(err, modelsig.ErrNotEvaluable) || !strings.Contains(err.Error(), hash) {
			t.Errorf("got %v, want not evaluable for %s", err, hash)
		}
	}
	old := statement(tiny().resources(), filesOf())
	old["predicateType"] = "https://model_signing/Digests/v0.1"
	if _, err := modelsig.Open(signer{key: key}.sign(t, old), &key.PublicKey); !errors.Is(err, modelsig.ErrNotEvaluable) {
		t.Errorf("predicate of version 0.2: got %v", err)
	}
}

// Each entry turns a good bundle into one that readers could read differently, or not at all.
func TestOpenRejectsOtherDocuments(t *testing.T) {
	key := newKey(t, elliptic.P256())
	good := signer{key: key}.bundle(t, encode(t, statement(tiny().resources(), filesOf())))
	text := string(encode(t, good))
	material := object{"publicKey": object{"hint": ""}, "certificate": object{}}
	sig := signature(good)["sig"].(string)
	for name, b := range map[string]string{
		"empty":                "",
		"null":                 "null",
		"array":                "[]",
		"trailing document":    text + "{}",
		"trailing comma":       text[:len(text)-1] + ",}",
		"cut":                  text[:len(text)-1],
		"not UTF-8":            strings.Replace(text, `"hint":"`, "\"hint\":\"\xff", 1),
		"media type twice":     `{"mediaType":"` + sigstore + `",` + text[1:],
		"media type, case":     strings.Replace(text, "mediaType", "MediaType", 1),
		"older media type":     strings.Replace(text, sigstore, "application/vnd.dev.sigstore.bundle+json;version=0.3", 1),
		"unknown member":       `{"x":1,` + text[1:],
		"file signature":       `{"messageSignature":{},` + text[1:],
		"two forms":            replaced(t, good, "verificationMaterial", material),
		"no form":              replaced(t, good, "verificationMaterial", object{"tlogEntries": []any{}}),
		"nameless key":         replaced(t, good, "verificationMaterial", object{"publicKey": object{}}),
		"no envelope":          replaced(t, good, "dsseEnvelope", nil),
		"no signature":         replaced(t, good, "dsseEnvelope", object{"payload": "AAAA", "payloadType": inToto, "signatures": []any{}}),
		"envelope member":      strings.Replace(text, `"payload":`, `"x":1,"payload":`, 1),
		"payload twice":        strings.Replace(text, `"payload":`, `"payload":"AAAA","payload":`, 1),
		"signature twice":      strings.Replace(text, `"sig":`, `"sig":"AAAA","sig":`, 1),
		"signature member":     strings.Replace(text, `"sig":`, `"x":1,"sig":`, 1),
		"keyid is an object":   strings.Replace(text, `"keyid":null`, `"keyid":{}`, 1),
		"base64 with a break":  strings.Replace(text, sig, sig[:8]+`\n`+sig[8:], 1),
		"base64 of odd length": strings.Replace(text, `"payload":"`, `"payload":"A`, 1),
		"twice in a skipped":   strings.Replace(text, `"hint":`, `"x":[{"a":1,"a":2}],"hint":`, 1),
		"deep":                 strings.Replace(text, `"hint":`, `"x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`,"hint":`, 1),
	} {
		s, err := modelsig.Open([]byte(b), &key.PublicKey)
		if err == nil || s != nil {
			t.Errorf("%s: accepted", name)
		}
		if name != "deep" && b == text {
			t.Errorf("%s: changes nothing", name)
		}
	}
	open(t, []byte(text), key)
}

// What a later step would refuse too is refused where it stands, by its name.
func TestOpenNamesWhatIsWrong(t *testing.T) {
	key := newKey(t, elliptic.P256())
	good := signer{key: key}.bundle(t, encode(t, statement(tiny().resources(), filesOf())))
	text := string(encode(t, good))
	for b, words := range map[string]string{
		replaced(t, good, "verificationMaterial", object{"certificate": object{}, "publicKey": object{"hint": ""}}): "2 of publicKey",
		replaced(t, good, "dsseEnvelope", object{"payload": "AAAA", "payloadType": inToto, "signatures": []any{}}):  "signatures: none",
		replaced(t, good, "dsseEnvelope", object{"payload": "AB==", "payloadType": inToto, "signatures": []any{}}):  "payload: illegal base64",
		strings.Replace(text, `"keyid":null`, `"keyid":{}`, 1):                                                      "keyid",
		strings.Replace(text, `"hint":`, `"x":`+strings.Repeat("[", 15)+strings.Repeat("]", 15)+`,"hint":`, 1):      "nested over the limit",
		strings.Replace(text, `"keyid":`, `"`+strings.Repeat("k", 1025)+`":1,"keyid":`, 1):                          "member name over the limit",
		replaced(t, good, "verificationMaterial", "none"):                                                           "not a JSON object",
		replaced(t, good, "mediaType", 3): "mediaType: not a JSON string",
		replaced(t, good, "dsseEnvelope", object{"payload": "AAAA", "payloadType": inToto, "signatures": object{"sig": "AAAA"}}): "not a JSON array",
	} {
		if _, err := modelsig.Open([]byte(b), &key.PublicKey); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want %q", err, words)
		}
	}
}

// replaced returns a bundle with one member set anew, or taken out where v is nil.
func replaced(t testing.TB, b object, member string, v any) string {
	t.Helper()
	c := object{}
	for k, old := range b {
		c[k] = old
	}
	if c[member] = v; v == nil {
		delete(c, member)
	}
	return string(encode(t, c))
}

// DSSE allows several signatures, a sigstore bundle has one: a second could be
// the one that another reader checks.
func TestOpenRejectsSecondSignature(t *testing.T) {
	key := newKey(t, elliptic.P256())
	b := signer{key: key}.bundle(t, encode(t, statement(tiny().resources(), filesOf())))
	env := b["dsseEnvelope"].(object)
	env["signatures"] = append(env["signatures"].([]any), signature(b))
	_, err := modelsig.Open(encode(t, b), &key.PublicKey)
	if err == nil || !strings.Contains(err.Error(), "signatures: over the limit of 1") {
		t.Errorf("got %v", err)
	}
}

func TestOpenRejectsOversize(t *testing.T) {
	key := newKey(t, elliptic.P256())
	if _, err := modelsig.Open(bytes.Repeat([]byte(" "), modelsig.MaxBundleBytes+1), &key.PublicKey); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("got %v", err)
	}
}

func TestParseKeyRejectsOtherThings(t *testing.T) {
	key := newKey(t, elliptic.P256())
	der, _ := x509.MarshalPKIXPublicKey(&key.PublicKey)
	good := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	got, err := modelsig.ParseKey(good)
	if err != nil || !got.Equal(&key.PublicKey) {
		t.Fatalf("good key: %v", err)
	}
	weak, _ := x509.MarshalPKIXPublicKey(&newKey(t, elliptic.P224()).PublicKey)
	for name, text := range map[string][]byte{
		"nothing":     nil,
		"two keys":    append(bytes.Clone(good), good...),
		"certificate": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		"private key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		"not a key":   pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der[:20]}),
		"P-224":       pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: weak}),
		"long":        append(bytes.Repeat([]byte("\n"), modelsig.MaxKeyBytes), good...),
	} {
		if _, err := modelsig.ParseKey(text); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
