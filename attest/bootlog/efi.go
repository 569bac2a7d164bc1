package bootlog

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/littleendian"
)

// guid is an EFI_GUID as it lies in memory.
type guid [16]byte

func (g guid) String() string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(g[:]), binary.LittleEndian.Uint16(g[4:]), binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:])
}

// Owners of variables (UEFI 2.10, 3.3 and 32.6.1; shim lib/guid.c) and types of signature lists (32.4.1).
const (
	globalVariable = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
	imageSecurity  = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
	shimLock       = "605dab50-e046-4300-abb6-3dd810dd8b23"
	certX509       = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072"
	certSHA256     = "c1c41626-504c-4092-aca9-41f936934328"
)

// variable is UEFI_VARIABLE_DATA (PFP 10.2.6).
type variable struct {
	owner string
	name  string
	value []byte
}

// maxPadding is what old shims measured behind an authority, by a wrong size (up
// to eight bytes in the samples); it is authentic and says nothing.
const maxPadding = 16

func parseVariable(data []byte, padded bool) (variable, error) {
	c := &littleendian.Cursor{Rest: data}
	var g guid
	copy(g[:], c.Take(16))
	n, size := c.U64(), c.U64()
	if c.Short || n > MaxName || size > MaxVariable {
		return variable{}, fmt.Errorf("variable with a name of %d and a value of %d: cut short, or over a limit", n, size)
	}
	name := utf16Text(c.Take(uint32(2 * n)))
	value, extra := c.Rest, 0
	if padded && uint64(len(value)) > size {
		extra = len(value) - int(size)
		value = value[:size]
	}
	if c.Short || uint64(len(value)) != size || extra > maxPadding {
		return variable{}, fmt.Errorf("variable %q: value of %d bytes, %d stated", attest.Clean(name), len(c.Rest), size)
	}
	return variable{g.String(), name, value}, nil
}

// utf16Text decodes little-endian UTF-16, one replacement character for each unit that is none.
func utf16Text(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

func utf16Bytes(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// KeyKind says what a key list's entry is.
type KeyKind string

const (
	KeyCertificate KeyKind = "x509"
	KeyImageHash   KeyKind = "sha256" // of one image, Authenticode
	KeyValue       KeyKind = "value"  // not a key: content of another variable
	// Other kinds are the GUID of the list's type.
)

// Key is an entry of a key list.
type Key struct {
	Kind KeyKind
	// Digest identifies the entry: SHA-256 of a certificate (DER, as stored), the
	// hash itself for KeyImageHash, SHA-256 of the bytes for everything else.
	Digest attest.Digest
	Name   string // common name, or else the subject, of a certificate that Go can parse; for people
}

// KeyList is a variable that holds keys.
type KeyList struct {
	Digest attest.Digest // SHA-256 of the variable's value
	Keys   []Key
}

// parseKeys reads EFI_SIGNATURE_LISTs (UEFI 2.10, 32.4.1). Certificates are not
// parsed for their identity: vendors ship some that Go's x509 refuses.
func parseKeys(value []byte) (KeyList, error) {
	list := KeyList{Digest: sha256.Sum256(value)}
	for c := (&littleendian.Cursor{Rest: value}); len(c.Rest) > 0; {
		var kind guid
		copy(kind[:], c.Take(16))
		size, header, each := c.U32(), c.U32(), c.U32()
		if c.Short || size < 28 || header != 0 || each <= 16 || (size-28)%each != 0 {
			return KeyList{}, fmt.Errorf("signature list of %d bytes, header of %d, entries of %d", size, header, each)
		}
		body := c.Take(size - 28)
		if c.Short || len(list.Keys)+len(body)/int(each) > MaxKeys {
			return KeyList{}, errors.New("signature list is cut short, or has too many entries")
		}
		for ; len(body) > 0; body = body[each:] {
			list.Keys = append(list.Keys, key(kind.String(), body[16:each]))
		}
	}
	return list, nil
}

func key(kind string, b []byte) Key {
	switch {
	case kind == certX509:
		k := Key{Kind: KeyCertificate, Digest: sha256.Sum256(b)}
		if c, err := x509.ParseCertificate(b); err == nil {
			k.Name = attest.Clean(cmp.Or(c.Subject.CommonName, c.Subject.String()))
		}
		return k
	case kind == certSHA256 && len(b) == 32:
		return Key{Kind: KeyImageHash, Digest: attest.Digest(b)}
	}
	return Key{Kind: KeyKind(kind), Digest: sha256.Sum256(b)}
}

// authorityKey reads what an EV_EFI_VARIABLE_AUTHORITY holds: an
// EFI_SIGNATURE_DATA (owner, then certificate or hash), in older shims a bare
// certificate, or a value of shim's own.
func authorityKey(b []byte) Key {
	switch {
	case len(b) > 16 && isDER(b[16:]):
		return key(certX509, b[16:])
	case isDER(b):
		return key(certX509, b)
	case len(b) == 16+32:
		return key(certSHA256, b[16:])
	}
	return Key{Kind: KeyValue, Digest: sha256.Sum256(b)}
}

// isDER says whether b is one DER SEQUENCE of 256 to 65535 bytes content, as certificates are.
func isDER(b []byte) bool {
	return len(b) > 4 && b[0] == 0x30 && b[1] == 0x82 && int(binary.BigEndian.Uint16(b[2:])) == len(b)-4
}
