package ima_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/ima"
)

// labels are names that an entry may be shown under: the kernel's, and some that root may make up.
var labels = []string{"ima", "ima-ng", "ima-sig", "ima-ngv2", "ima-sigv2", "ima-buf", "ima-modsig", "evm-sig",
	"d|n", "d-ng|n-ng", "d-ng|n-ng|d-ng", "modsig|n-ng|d-ng", "sig|d-ng|n-ng|buf", "d-ngv2|n-ng", "unknown"}

// relabelled is what was hashed for one entry, in every record that hashes the same. Template
// "ima" pads names with zeros, so there each length of the name is another record.
func relabelled(hashed string) (out [][]byte) {
	for _, l := range labels[1:] {
		out = append(out, rec(10, l, hashed))
	}
	if len(hashed) != 20+256 {
		return out
	}
	for n := len(strings.TrimRight(hashed[20:], "\x00")); n <= 255; n++ {
		out = append(out, fixed(hashed[:20], hashed[20:20+n]))
	}
	return out
}

// stated reads the digest and the name of an entry as the kernel made it, apart from the
// code under test: fixed is the template "ima". ok is false for what no kernel hashes.
func stated(hashed string, fixed bool) (alg, digest, path string, ok bool) {
	if fixed {
		path = strings.TrimRight(hashed[min(20, len(hashed)):], "\x00")
		return "sha1", hashed[:min(20, len(hashed))], path, len(hashed) == 20+256 && len(path) < 256 && !strings.Contains(path, "\x00")
	}
	var field [2]string
	for i := range field {
		if len(hashed) < 4 || uint64(binary.LittleEndian.Uint32([]byte(hashed))) > uint64(len(hashed)-4) {
			return "", "", "", false
		}
		n := 4 + binary.LittleEndian.Uint32([]byte(hashed))
		field[i], hashed = hashed[4:n], hashed[n:]
	}
	alg, digest, ok = strings.Cut(field[0], ":\x00")
	path, terminated := strings.CutSuffix(field[1], "\x00")
	return strings.TrimPrefix(alg, "ima:"), digest, path, ok && terminated && !strings.Contains(path, "\x00") && len(digest) >= ima.MinDigest
}

// The name of a template is not hashed. Whichever root shows a genuine entry under,
// the entry says what the kernel stated or nothing, and replays all the same.
func FuzzRelabel(f *testing.F) {
	hash := sha256.Sum256([]byte("content"))
	chosen := "sha256:\x00" + string(hash[:]) // a buffer that looks like a referenced file's digest
	f.Add(fields(dng(chosen), "kexec-cmdline\x00", chosen), false)
	f.Add(fields("ima:"+dng("x"), "/bin/x\x00", "\x03sig"), false)
	f.Add(fields("verity:"+dng("x"), "/bin/x\x00"), false)
	f.Add(fields(dng("x"), "/bin/x\x00", "sig", dng("y"), "pkcs7"), false)
	f.Add(fields(dng("x"), "/bin/x\x00", "e", "security.ima", "\x04\x00\x00\x00", "data", "\x00\x00\x00\x00", "\x00\x00\x00\x00", "\xed\x81"), false)
	f.Add(fields("md5:\x00"+strings.Repeat("m", 16), "/x\x00"), false)
	f.Add(fields(dng("x"), strings.Repeat("p", 276-4-40-4-1)+"\x00"), false) // as long as template ima's
	f.Add("\x13\x00\x00\x00a:\x00ddddddddddddd"+strings.Repeat("p", 255)+"\x00", true)
	f.Add("dddddddddddddddddddd/bin/x"+strings.Repeat("\x00", 250), true)
	f.Add("\x04\x00\x00\x00a:\x00d\x08\x01\x00\x00nnnnnnnn"+strings.Repeat("p", 255)+"\x00", true) // 88 bits of a SHA-1 found by trial
	f.Add("\x14\x00\x00\x00a:\x00ddddddddddddd"+"dddd\xe8"+strings.Repeat("\x00", 251), true)
	f.Fuzz(func(t *testing.T, hashed string, fixed bool) {
		alg, digest, path, ok := stated(hashed, fixed)
		if !ok || len(hashed) > ima.MaxData {
			return
		}
		var register []byte
		for _, r := range relabelled(hashed) {
			l := whole(t, bank256, r)
			e := l.Entries[0]
			as := e.Digest.Alg
			if e.Digest.Verity {
				as = "verity:" + as
			}
			if e.Understood && (as != alg || string(e.Digest.Value) != digest || e.Path != path) {
				t.Fatalf("%q shown as %s: %s %x %q", hashed, e.Template, as, e.Digest.Value, e.Path)
			}
			if at := l.At(1).Register; register != nil && !bytes.Equal(register, at) {
				t.Fatalf("%q shown as %s: another register", hashed, e.Template)
			} else {
				register = at
			}
		}
	})
}
