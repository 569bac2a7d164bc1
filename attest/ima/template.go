package ima

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// format returns the fields of the kernel's built-in templates (ima_template.c).
//
// A template's name is not hashed, so whoever holds root may choose it. In all of
// these the digest is the first field and the name the second, in forms that none shares with
// another: under another of these names an entry shows the same two, or nothing
// (FuzzRelabel). That would not hold for fields in any order (ima_template_fmt=): "modsig|n-ng|d-ng"
// makes a digest of a buffer, whose content root chooses. Lists under such templates replay, and are not understood.
func format(name string) string {
	switch name {
	case "ima-ng":
		return "d-ng|n-ng"
	case "ima-sig":
		return "d-ng|n-ng|sig"
	case "ima-ngv2":
		return "d-ngv2|n-ng"
	case "ima-sigv2":
		return "d-ngv2|n-ng|sig"
	case "ima-buf":
		return "d-ng|n-ng|buf"
	case "ima-modsig":
		return "d-ng|n-ng|sig|d-modsig|modsig"
	case "evm-sig":
		return "d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode"
	}
	return ""
}

// interpret reads what a visible record says into e, and reports whether it
// follows its template. What does not is kept as it is: it replays all the same.
func (e *Entry) interpret(r record, text string, at int) bool {
	if e.Template == nameIMA {
		return e.interpretFixed(r, text, at)
	}
	fields := format(e.Template)
	if fields == "" {
		return false
	}
	for pos := 0; fields != ""; {
		var id string
		id, fields, _ = strings.Cut(fields, "|")
		if len(r.data)-pos < 4 {
			return false
		}
		n := int(binary.LittleEndian.Uint32(r.data[pos:]))
		if pos += 4; n > len(r.data)-pos {
			return false
		}
		if !e.field(id, r.data[pos:pos+n], text[at+pos:at+pos+n]) {
			return false
		}
		if pos += n; fields == "" && pos != len(r.data) {
			return false
		}
	}
	return e.bufferIsDigested()
}

// interpretFixed reads the template "ima": 20 bytes of digest, then the name.
func (e *Entry) interpretFixed(r record, text string, at int) bool {
	name := r.data[24:]
	if len(name) == 0 || bytes.IndexByte(name, 0) >= 0 {
		return false
	}
	e.Digest = Digest{Alg: "sha1", Value: r.data[:20]}
	e.Path = text[at+24 : at+len(r.data)]
	return true
}

// field reads one field; text holds the same bytes, so that names cost no copy.
func (e *Entry) field(id string, b []byte, text string) bool {
	var ok bool
	switch id {
	case "d-ng":
		e.Digest, ok = parseDigest(b, text)
		return ok
	case "d-ngv2":
		kind, rest, _ := strings.Cut(text, ":")
		if kind != "ima" && kind != "verity" {
			return false
		}
		e.Digest, ok = parseDigest(b[len(b)-len(rest):], rest)
		e.Digest.Verity = kind == "verity"
		return ok
	case "n-ng":
		return e.name(text)
	case "sig", "evmsig":
		if len(b) > 0 {
			e.Signature = b
		}
	case "buf":
		if len(b) > 0 {
			e.Buffer = b
		}
	}
	return true // the others say nothing that is read here
}

// name reads a terminated string: no byte behind the terminator, none before it.
func (e *Entry) name(text string) bool {
	if len(text) < 2 || len(text) > MaxPath || strings.IndexByte(text, 0) != len(text)-1 {
		return false
	}
	e.Path = text[:len(text)-1]
	return true
}

// bufferIsDigested tells a measured buffer from a signature under a changed
// name: the kernel states the digest of the very bytes that stand in buf
// (ima_main.c, process_buffer_measurement).
func (e *Entry) bufferIsDigested() bool {
	if e.Buffer == nil {
		return true
	}
	h, ok := e.Digest.hash()
	if !ok || e.Digest.Verity {
		return false
	}
	w := h.New()
	w.Write(e.Buffer)
	return slices.Equal(w.Sum(nil), e.Digest.Value)
}
