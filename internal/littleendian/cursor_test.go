package littleendian

import (
	"bytes"
	"testing"
)

func TestFieldsInOrderAndNothingBehindTheEnd(t *testing.T) {
	c := Cursor{Rest: []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xaa, 0xbb}}
	if a, b, d, e := c.U8(), c.U16(), c.U32(), c.U64(); a != 1 || b != 0x0302 || d != 0x07060504 || e != 0x0f0e0d0c0b0a0908 {
		t.Errorf("%#x %#x %#x %#x", a, b, d, e)
	}
	b := c.Take(2)
	if !bytes.Equal(b, []byte{0xaa, 0xbb}) || cap(b) != 2 || c.Short || len(c.Rest) != 0 {
		t.Errorf("% x of %d, short %v", b, cap(b), c.Short)
	}
	if c.Take(0); c.Short {
		t.Error("nothing is there to take")
	}
	c = Cursor{Rest: []byte{1, 2, 3}}
	if v := c.U32(); v != 0 || !c.Short || c.U8() != 0 || c.U16() != 0 || c.U64() != 0 {
		t.Errorf("%d, short %v: what is left is not given in part", v, c.Short)
	}
	if c = (Cursor{}); c.Take(1<<32-1) != nil || !c.Short {
		t.Error("a length of the largest")
	}
}
