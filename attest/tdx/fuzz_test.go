package tdx

import (
	"bytes"
	"testing"
)

// The driver and the firmware are on the node's side, but hosts of a TD are not its friends: what comes from them is cut with care.

func FuzzBlob(f *testing.F) {
	for _, v5 := range []bool{false, true} {
		b, size := make([]byte, quoteHeader), bodyTD10
		le.PutUint16(b, 4)
		le.PutUint32(b[4:], teeTDX)
		if v5 {
			size = bodyTD15
			le.PutUint16(b, 5)
			b = le.AppendUint32(le.AppendUint16(b, 3), bodyTD15)
		}
		b = append(b, make([]byte, size)...)
		b = le.AppendUint32(b, signedHead+qeReport+2+6+4)
		b = append(b, make([]byte, 128)...)
		b = le.AppendUint32(le.AppendUint16(b, certReport), qeReport+2+6+4)
		b = append(b, make([]byte, qeReport+2)...)
		b = le.AppendUint32(le.AppendUint16(b, certPEM), 4)
		b = append(b, "PEM\n"...)
		if _, err := cutBlob(b, [64]byte{}); err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := cutBlob(b, [64]byte{})
		if err != nil {
			return
		}
		again, err := cutBlob(q, [64]byte{})
		if err != nil || !bytes.Equal(q, again) || !bytes.HasPrefix(b, q) {
			t.Errorf("%d of %d bytes, then %d: %v", len(q), len(b), len(again), err)
		}
	})
}

func FuzzEventsEnd(f *testing.F) {
	f.Add([]byte("text"))
	spec := make([]byte, 32+33)
	spec[28] = 33
	copy(spec[32:], "Spec ID Event03\x00")
	spec[32+24], spec[32+28], spec[32+30] = 1, 0x0c, 48
	event := make([]byte, 12+2+48+4)
	event[0], event[4], event[8], event[12] = 1, 1, 1, 0x0c
	f.Add(append(append(bytes.Clone(spec), event...), 0xff, 0xff))
	f.Fuzz(func(t *testing.T, b []byte) {
		end := eventsEnd(b)
		if end < 0 || end > len(b) || eventsEnd(b[:end]) != end {
			t.Errorf("end %d of %d, then %d", end, len(b), eventsEnd(b[:max(0, min(end, len(b)))]))
		}
		if rest := b[end:]; len(bytes.Trim(rest, "\xff")) != 0 && len(bytes.Trim(rest, "\x00")) != 0 {
			t.Errorf("more than padding was cut: %x", rest)
		}
	})
}
