package agent

import (
	"bytes"
	"encoding/binary"
)

// A reply whose result is one byte string, such as evidence, is encoded and read
// without going through the values in between: one copy each way. It is the same
// frame, byte for byte; tests hold both ways of making and reading it together.

// linkID and linkResult are the encoded keys of linkReply.
var linkID, linkResult = []byte("\xa2\x62id"), []byte("\x66result")

// appendBytesReply appends the encoding of {id, result: b}.
func appendBytesReply(dst []byte, id uint64, b []byte) []byte {
	dst = appendHead(append(dst, linkID...), 0, id)
	return append(appendHead(append(dst, linkResult...), 2, uint64(len(b))), b...)
}

// cutBytesReply reads {id, result: byte string}; the bytes are part of frame. Any
// other frame is not ok, also one that is not deterministic: it is for parseLinkReply.
func cutBytesReply(frame []byte) (id uint64, b []byte, ok bool) {
	rest, ok := bytes.CutPrefix(frame, linkID)
	if !ok {
		return 0, nil, false
	}
	if id, rest, ok = cutHead(rest, 0); !ok {
		return 0, nil, false
	}
	if rest, ok = bytes.CutPrefix(rest, linkResult); !ok {
		return 0, nil, false
	}
	n, rest, ok := cutHead(rest, 2)
	return id, rest, ok && n == uint64(len(rest))
}

// appendHead appends the head of a data item in its shortest form (RFC 8949 section 3).
func appendHead(dst []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n < 1<<8:
		return append(dst, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

// cutHead reads a head of that major type; one that is not in its shortest form is not ok.
func cutHead(b []byte, major byte) (n uint64, rest []byte, ok bool) {
	if len(b) == 0 || b[0]>>5 != major {
		return 0, nil, false
	}
	info := b[0] & 31
	size := 0
	switch {
	case info < 24:
		return uint64(info), b[1:], true
	case info <= 27:
		size = 1 << (info - 24)
	}
	if size == 0 || len(b) < 1+size {
		return 0, nil, false
	}
	var wide [8]byte
	copy(wide[8-size:], b[1:1+size])
	n = binary.BigEndian.Uint64(wide[:])
	return n, b[1+size:], bytes.Equal(appendHead(nil, major, n), b[:1+size])
}
