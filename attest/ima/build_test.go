package ima_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"strings"
)

// Records as the kernel writes them, made apart from the code under test.

func u32(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }

// fields frames template fields: u32 and the bytes.
func fields(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.Write(u32(len(p)))
		b.WriteString(p)
	}
	return b.String()
}

// rec is a record of a template with data length.
func rec(pcr int, template, data string) []byte {
	h := sha1.Sum([]byte(data))
	return raw(pcr, h[:], template, data)
}

func raw(pcr int, hash []byte, template, data string) []byte {
	b := append(u32(pcr), hash...)
	b = append(append(b, u32(len(template))...), template...)
	return append(append(b, u32(len(data))...), data...)
}

// fixed is a record of the template "ima".
func fixed(digest, name string) []byte {
	h := sha1.Sum([]byte(digest + name + strings.Repeat("\x00", 256-len(name))))
	b := append(append(u32(10), h[:]...), append(u32(3), "ima"...)...)
	b = append(append(b, digest...), u32(len(name))...)
	return append(b, name...)
}

func violation(path string) []byte {
	return raw(10, make([]byte, 20), "ima-ng", fields("sha256:\x00"+strings.Repeat("\x00", 32), path+"\x00"))
}

func dng(content string) string {
	d := sha256.Sum256([]byte(content))
	return "sha256:\x00" + string(d[:])
}

func ng(path string) []byte { return rec(10, "ima-ng", fields(dng(path), path+"\x00")) }
