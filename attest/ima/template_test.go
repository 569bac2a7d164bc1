package ima_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/ima"
)

func TestTemplatesAreUnderstood(t *testing.T) {
	d := sha256.Sum256([]byte("file"))
	digest := "sha256:\x00" + string(d[:])
	path := "/usr/bin/env\x00"
	for _, c := range []struct {
		template, data string
		verity, signed bool
		buffer         string
	}{
		{template: "ima-ng", data: fields(digest, path)},
		{template: "ima-sig", data: fields(digest, path, "")},
		{template: "ima-sig", data: fields(digest, path, "\x03\x02signature"), signed: true},
		{template: "ima-ngv2", data: fields("ima:"+digest, path)},
		{template: "ima-ngv2", data: fields("verity:"+digest, path), verity: true},
		{template: "ima-sigv2", data: fields("verity:"+digest, path, "\x06sig"), verity: true, signed: true},
		{template: "ima-buf", data: fields(digest, path, "file"), buffer: "file"},
		{template: "ima-buf", data: fields(digest, path, "")},
		{template: "ima-modsig", data: fields(digest, path, "", digest, "pkcs7")},
		{template: "ima-modsig", data: fields(digest, path, "sig", "", ""), signed: true},
		{template: "evm-sig", data: fields(digest, path, "evm", "security.ima", "\x04\x00\x00\x00", "\x01\x02\x03\x04", "\x00\x00\x00\x00", "\x00\x00\x00\x00", "\xed\x81"), signed: true},
	} {
		l := whole(t, bank256, rec(10, c.template, c.data))
		e := l.Entries[0]
		if !e.Understood || e.Template != c.template || e.Path != "/usr/bin/env" || e.Digest.Alg != "sha256" || string(e.Digest.Value) != string(d[:]) ||
			e.Digest.Verity != c.verity || (e.Signature != nil) != c.signed || string(e.Buffer) != c.buffer {
			t.Errorf("%s %q: %+v", c.template, c.data, e)
		}
	}
}

// Bytes that do not follow their template, or another template's bytes under a
// changed name (names are not hashed), replay and say nothing.
func TestWhatDoesNotFollowItsTemplateIsNotUnderstood(t *testing.T) {
	digest, path := dng("file"), "/usr/bin/env\x00"
	for _, c := range []struct{ template, data string }{
		{"unknown", fields(digest, path)},
		{"ima-sig", fields(digest, path)},
		{"ima-ng", fields(digest, path, "")},
		{"ima-ng", fields(digest, path) + "x"},
		{"ima-ng", fields(digest, path)[:30]},
		{"ima-ng", ""},
		{"ima-ng", fields(path, digest)},
		{"ima-ng", fields("ima:"+digest, path)},
		{"ima-ngv2", fields(digest, path)},
		{"ima-ngv2", fields("ima:"+digest[:20], path)},
		{"ima-ngv2", fields("other:"+digest, path)},
		{"ima-ng", fields("sha256:"+digest[8:], path)},
		{"ima-ng", fields("sha256:\x00short", path)},
		{"ima-ng", fields("sha256:\x00", path)},
		{"ima-ng", fields("wp512:\x00"+strings.Repeat("d", ima.MaxDigest+1), path)},
		{"ima-ng", fields(":\x00"+digest[8:], path)},
		{"ima-ng", fields("SHA 256:\x00"+digest[8:], path)},
		{"ima-ng", fields(digest, "/usr/bin/env")},
		{"ima-ng", fields(digest, "\x00")},
		{"ima-ng", fields(digest, "")},
		{"ima-ng", fields(digest, "/usr\x00/bin\x00")},
		{"ima-ng", fields(digest, strings.Repeat("p", ima.MaxPath)+"\x00")},
		{"ima-buf", fields(digest, path, "another buffer")},
		{"ima-buf", fields("wp512:\x00"+digest[8:], path, "file")},
		{"ima-ng", fields("a:\x00"+digest[8:8+ima.MinDigest-1], path)},
		{"d-ng|n-ng", fields(digest, path)}, // fields chosen at boot: see FuzzRelabel
		{"d-ngv2|n-ng|sig", fields("verity:"+digest, path, "")},
		{"d|n", fields(strings.Repeat("d", 20), path)},
	} {
		l := whole(t, bank256, rec(10, c.template, c.data))
		e := l.Entries[0]
		if e.Understood || e.Path != "" || e.Digest.Alg != "" || e.Signature != nil || e.Buffer != nil || l.At(1).Opaque != 1 {
			t.Errorf("%s %q: %+v", c.template, c.data, e)
		}
	}
	if e := whole(t, bank256, fixed(strings.Repeat("d", 20), "/a\x00b")).Entries[0]; e.Understood {
		t.Errorf("template ima with a terminator inside: %+v", e)
	}
}
