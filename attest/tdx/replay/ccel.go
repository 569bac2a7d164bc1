package replay

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
	"github.com/hallmark-attest/hallmark/internal/littleendian"
)

const (
	sha384   = 0x000c
	noAction = 0x00000003
	maxAlgs  = 8
	ccTDX    = 2
	// ccIndexes: UEFI 2.10, 38.4.1: index 0 is MRTD, which is not extended at run time, 1 to 4 are RTMR0 to 3.
	ccIndexes = 5
)

// checkTable reads the ACPI table CCEL (Guest-Hypervisor Communication Interface 1.5, 4.3.3): that it is one, of TDX.
func checkTable(table []byte) error {
	le := binary.LittleEndian
	switch {
	case len(table) > MaxTable || len(table) < 56 || !bytes.HasPrefix(table, []byte("CCEL")):
		return fmt.Errorf("ccel: no ACPI table CCEL: %w", ErrMalformed)
	case int64(le.Uint32(table[4:])) != int64(len(table)):
		return fmt.Errorf("ccel: table of %d bytes says %d: %w", len(table), le.Uint32(table[4:]), ErrMalformed)
	case table[36] != ccTDX:
		return fmt.Errorf("ccel: of technology %d, not TDX: %w", table[36], ErrMalformed)
	}
	return nil
}

// ParseCCEL reads the firmware's event log: TCG2 events (PC Client Platform Firmware Profile 1.06, 10.2.2) with SHA-384, and padding
// of 0xff or zero behind them.
func ParseCCEL(table, log []byte) ([]Event, error) {
	if err := checkTable(table); err != nil {
		return nil, err
	}
	if len(log) > MaxLog {
		return nil, fmt.Errorf("ccel: %d bytes, limit %d: %w", len(log), MaxLog, ErrMalformed)
	}
	c := &littleendian.Cursor{Rest: log}
	sizes, err := specID(c)
	if err != nil {
		return nil, fmt.Errorf("ccel: header: %w", err)
	}
	var out []Event
	for n := 1; !padding(c.Rest); n++ {
		if n > MaxEvents {
			return nil, fmt.Errorf("ccel: more than %d events: %w", MaxEvents, ErrMalformed)
		}
		e, extends, err := next(c, sizes)
		if err != nil {
			return nil, fmt.Errorf("ccel: event %d: %w", n, err)
		}
		if extends {
			out = append(out, e)
		}
	}
	return out, nil
}

// specID reads the first event, which names the algorithms of the others and the sizes of their digests.
func specID(c *littleendian.Cursor) (map[uint16]uint32, error) {
	index, typ := c.U32(), c.U32()
	c.Take(20)
	d := littleendian.Cursor{Rest: c.Take(c.U32())}
	if c.Short || index > 1 || typ != noAction || !bytes.Equal(d.Take(16), []byte("Spec ID Event03\x00")) {
		return nil, fmt.Errorf("no Spec ID event: %w", ErrMalformed)
	}
	d.Take(8)
	n := d.U32()
	if n == 0 || n > maxAlgs {
		return nil, fmt.Errorf("%d algorithms, limit %d: %w", n, maxAlgs, ErrMalformed)
	}
	known := map[uint16]uint32{0x0004: 20, 0x000b: 32, sha384: 48, 0x000d: 64, 0x0012: 32}
	sizes := map[uint16]uint32{}
	for range n {
		alg, size := d.U16(), uint32(d.U16())
		if d.Short || known[alg] != size || size == 0 || sizes[alg] != 0 {
			return nil, fmt.Errorf("algorithm %#04x of %d bytes: %w", alg, size, ErrMalformed)
		}
		sizes[alg] = size
	}
	if sizes[sha384] == 0 {
		return nil, fmt.Errorf("no SHA-384: %w", ErrMalformed)
	}
	return sizes, nil
}

// next reads an event, and says whether it extends a register.
func next(c *littleendian.Cursor, sizes map[uint16]uint32) (e Event, extends bool, err error) {
	index := c.U32()
	e.Type = c.U32()
	n := c.U32()
	if int64(n) > int64(len(sizes)) {
		return e, false, fmt.Errorf("%d digests: %w", n, ErrMalformed)
	}
	seen := map[uint16]bool{}
	for range n {
		alg := c.U16()
		if c.Short || sizes[alg] == 0 || seen[alg] {
			return e, false, fmt.Errorf("digest of algorithm %#04x: %w", alg, ErrMalformed)
		}
		seen[alg] = true
		if d := c.Take(sizes[alg]); alg == sha384 && d != nil {
			e.Digest = quote.Measurement(d)
		}
	}
	e.Data = c.Take(c.U32())
	switch {
	case c.Short:
		return e, false, fmt.Errorf("the log ends within it: %w", ErrMalformed)
	case e.Type == noAction:
		if bytes.HasPrefix(e.Data, []byte("Spec ID Event03\x00")) {
			return e, false, fmt.Errorf("a second Spec ID event: %w", ErrMalformed)
		}
		return e, false, nil
	case index == 0 || index >= ccIndexes || !seen[sha384]:
		return e, false, fmt.Errorf("index %d, SHA-384 %v: %w", index, seen[sha384], ErrMalformed)
	}
	e.RTMR = int(index) - 1
	return e, true, nil
}

// padding says that nothing but padding is left.
func padding(rest []byte) bool {
	return len(bytes.Trim(rest, "\xff")) == 0 || len(bytes.Trim(rest, "\x00")) == 0
}
