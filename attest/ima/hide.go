package ima

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// hiddenMin is the shortest record that can be hidden: header, name, length of the data, digest.
const hiddenMin = headerSize + len(nameHidden) + 4 + sha256.Size

// Hide returns a copy of the whole entries of a part in which those that keep
// declines are hidden (package comment). The part begins at an entry boundary; a
// record that it cuts is left out. Violations, the boot_aggregate and records too short to
// be hidden stay visible, as does what is hidden already. Register replay in
// the SHA-256 bank, offsets and lengths stay the same.
//
// A list that cannot be read is not passed on in part: what should be hidden could not be told.
func Hide(part []byte, keep func(Entry) bool) ([]byte, error) {
	out := make([]byte, 0, len(part))
	text := string(part)
	var in hashInput
	for pos := 0; pos < len(part); {
		r, err := next(part[pos:])
		if errors.Is(err, errCut) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("ima: hide: byte %d: %w", pos, err)
		}
		whole := part[pos : pos+r.size]
		pos += r.size
		e := r.entry(text, pos)
		if e.Hidden || e.Violation || e.Path == BootAggregateName || !r.hideable() || keep(e) {
			out = append(out, whole...)
			continue
		}
		out = appendHidden(out, r, sha256.Sum256(in.bytes(r)))
	}
	return out, nil
}

// hideable reports whether the hidden form fits: neither too short nor, where a
// long name gives way to data, over the limit of data.
func (r record) hideable() bool {
	return r.size >= hiddenMin && r.size-hiddenMin+sha256.Size <= MaxData
}

func appendHidden(out []byte, r record, digest [sha256.Size]byte) []byte {
	out = binary.LittleEndian.AppendUint32(out, r.pcr)
	out = append(out, r.hash...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(nameHidden)))
	out = append(out, nameHidden...)
	out = binary.LittleEndian.AppendUint32(out, uint32(r.size-hiddenMin+sha256.Size))
	out = append(out, digest[:]...)
	return append(out, make([]byte, r.size-hiddenMin)...)
}
