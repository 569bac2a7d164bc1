package ima

import (
	"bytes"
	"crypto/sha1"
	"fmt"
)

// Entry is one measurement. In the matching prefix the fields of a visible,
// understood entry of PCR 10 that is no violation are what the kernel measured;
// of all others only that they exist (package comment).
type Entry struct {
	End        int // offset in the part of the first byte behind the entry
	PCR        uint32
	Template   string
	Digest     Digest // of the file or buffer; empty for a violation
	Path       string // raw bytes of the kernel: attest.Clean before showing it to anyone
	Signature  []byte // of the file, not checked here; nil where there is none
	Buffer     []byte // of ima-buf: a command line, key or critical data
	Violation  bool   // measured while it was written, or the reverse; data not authenticated
	Hidden     bool   // by the node: it says nothing but its digest
	Understood bool   // follows a template this package knows
}

// BootAggregateName is the name of the entry in which IMA records the boot
// registers; the kernel makes it first, and once more after each kexec.
const BootAggregateName = "boot_aggregate"

// entry interprets a framed record that ends at end. Text is the whole part.
func (r record) entry(text string, end int) Entry {
	name := end - r.size + headerSize
	e := Entry{End: end, PCR: r.pcr, Template: text[name : name+len(r.name)], Violation: r.violation()}
	if e.Hidden = r.hidden(); e.Hidden {
		return e
	}
	e.Understood = e.interpret(r, text, end-len(r.data))
	if !e.Understood {
		e.Digest, e.Path, e.Signature, e.Buffer = Digest{}, "", nil, nil
	}
	if e.Violation {
		e.Digest = Digest{}
	}
	return e
}

// check compares the template hash with the data, and a hidden entry with its one form.
func (r record) check(in *hashInput) error {
	switch {
	case r.hidden():
		if len(r.data) < 32 || !zero(r.data[32:]) || zero(r.hash) {
			return fmt.Errorf("hidden entry: %w", ErrMalformed)
		}
	case !r.violation():
		if h := sha1.Sum(in.bytes(r)); !bytes.Equal(h[:], r.hash) {
			return fmt.Errorf("template hash is not that of the data: %w", ErrMalformed)
		}
	}
	return nil
}

// hashInput makes what the kernel hashes of a record (ima_crypto.c,
// ima_calc_field_array_hash_tfm): the data, except for "ima", whose name is padded to 256 bytes.
type hashInput struct{ fixed [20 + maxFixedName + 1]byte }

func (in *hashInput) bytes(r record) []byte {
	if string(r.name) != nameIMA {
		return r.data
	}
	clear(in.fixed[:])
	copy(in.fixed[:20], r.data)
	copy(in.fixed[20:], r.data[24:])
	return in.fixed[:]
}
