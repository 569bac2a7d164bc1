// Package littleendian reads the little-endian structures of firmware, boot logs and TDX quotes.
package littleendian

import "encoding/binary"

// Cursor reads fields in order. After the end it gives zeros and nil, and Short is set:
// a parser looks once, behind the fields that it needs.
type Cursor struct {
	Rest  []byte
	Short bool
}

// Take returns the next n bytes, not copied.
func (c *Cursor) Take(n uint32) []byte {
	if uint64(n) > uint64(len(c.Rest)) {
		c.Short, c.Rest = true, nil
		return nil
	}
	b := c.Rest[:n:n]
	c.Rest = c.Rest[n:]
	return b
}

// U8 returns the next byte.
func (c *Cursor) U8() uint8 {
	if b := c.Take(1); b != nil {
		return b[0]
	}
	return 0
}

// U16 returns the next two bytes.
func (c *Cursor) U16() uint16 {
	if b := c.Take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// U32 returns the next four bytes.
func (c *Cursor) U32() uint32 {
	if b := c.Take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// U64 returns the next eight bytes.
func (c *Cursor) U64() uint64 {
	if b := c.Take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}
