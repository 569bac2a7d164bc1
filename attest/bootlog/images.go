package bootlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/littleendian"
)

// images lists what may have been started. The digest of an image is not the
// hash of its event's data, and its type can be rewritten, so everything counts
// that is not shown to be something else. What is measured later by an operating
// system can only lengthen the list.
func (v view) images(r *Report) {
	r.Components = fact(v.components(4))
	r.Drivers = fact(v.components(2))
	events, err := v.events(5)
	if err != nil {
		r.ExitBootServices = NotKnown[bool](err)
		return
	}
	left := len(v.registers[5].Completed) > 0
	for _, e := range events {
		left = left || v.hashes([]byte(exitInvoked), e)
	}
	r.ExitBootServices = Known(left)
}

func (v view) components(register uint) ([]Component, error) {
	events, err := v.events(register)
	if err != nil {
		return nil, err
	}
	out := []Component{}
	for _, e := range events {
		if v.notImage(e) {
			continue
		}
		c := Component{Digest: e.digest, Type: e.typ}
		if e.typ >= EFIBootServicesApplication && e.typ <= EFIRuntimeServicesDriver {
			c.Path = imagePath(e.data)
		}
		out = append(out, c)
	}
	return out, nil
}

// notImage says whether the event's data is what was measured, and no image.
// Data could be what a PE image's Authenticode digest is computed over, and would
// hash to it; it would begin as every PE ("MZ") and TE ("VZ") image does.
func (v view) notImage(e event) bool {
	if _, ok := v.separator(e); ok {
		return true
	}
	return v.hashes(e.data, e) && len(e.data) > 0 && !bytes.HasPrefix(e.data, []byte("MZ")) && !bytes.HasPrefix(e.data, []byte("VZ"))
}

// imagePath gives the device path of an EFI_IMAGE_LOAD_EVENT (PFP 10.2.3) as
// text, roughly as UEFI 2.10, 10.6 writes it. It is a hint for people.
func imagePath(data []byte) string {
	c := &littleendian.Cursor{Rest: data}
	c.Take(24) // address, length, link address
	n := c.U64()
	if c.Short || n > MaxPath {
		return ""
	}
	path := &littleendian.Cursor{Rest: c.Take(uint32(n))}
	var parts []string
	for len(path.Rest) > 0 {
		kind, size := path.U16(), path.U16()
		if size < 4 {
			break
		}
		node := path.Take(uint32(size) - 4)
		if path.Short || kind&0x7f == 0x7f {
			break
		}
		parts = append(parts, pathNode(byte(kind), byte(kind>>8), node))
	}
	return attest.Clean(strings.Join(parts, "/"))
}

func pathNode(kind, sub byte, b []byte) string {
	var g guid
	switch {
	case kind == 1 && sub == 1 && len(b) == 2:
		return fmt.Sprintf("Pci(%#x,%#x)", b[1], b[0])
	case kind == 2 && sub == 1 && len(b) == 8:
		return fmt.Sprintf("Acpi(%#x)", binary.LittleEndian.Uint32(b[4:]))
	case kind == 4 && sub == 1 && len(b) == 38:
		return fmt.Sprintf("HD(%d)", binary.LittleEndian.Uint32(b))
	case kind == 4 && sub == 4:
		return strings.TrimRight(utf16Text(b), "\x00")
	case kind == 4 && (sub == 6 || sub == 7) && len(b) == 16:
		copy(g[:], b)
		return map[byte]string{6: "FvFile(", 7: "Fv("}[sub] + g.String() + ")"
	case kind == 4 && sub == 8 && len(b) == 20:
		return fmt.Sprintf("Offset(%#x,%#x)", binary.LittleEndian.Uint64(b[4:]), binary.LittleEndian.Uint64(b[12:]))
	}
	return fmt.Sprintf("Path(%d,%d)", kind, sub)
}
