package quote

import (
	"fmt"
	"strings"
)

// Attributes are TDATTRIBUTES (TDX module ABI specification, "TD Attributes"), little-endian.
type Attributes uint64

// Bits of TDATTRIBUTES that have a name.
const (
	Debug         Attributes = 1 << 0
	UnderDebug    Attributes = 0xff // the group TUD: with any of it the TD is not trusted
	LASS          Attributes = 1 << 27
	SEPTVEDisable Attributes = 1 << 28 // no #VE for pages the host takes away
	Migratable    Attributes = 1 << 29 // a migration TD may export the TD's memory
	PKS           Attributes = 1 << 30
	KeyLocker     Attributes = 1 << 31
	TPA           Attributes = 1 << 62
	PerfMon       Attributes = 1 << 63 // performance counters work inside: a side channel for who shares the core
)

var attributeNames = []struct {
	bit  Attributes
	name string
}{
	{Debug, "DEBUG"}, {LASS, "LASS"}, {SEPTVEDisable, "SEPT_VE_DISABLE"}, {Migratable, "MIGRATABLE"},
	{PKS, "PKS"}, {KeyLocker, "KL"}, {TPA, "TPA"}, {PerfMon, "PERFMON"},
}

func (a Attributes) String() string {
	if a == 0 {
		return "none"
	}
	var out []string
	for _, n := range attributeNames {
		if a&n.bit != 0 {
			out, a = append(out, n.name), a&^n.bit
		}
	}
	if a != 0 {
		out = append(out, fmt.Sprintf("%#x", uint64(a)))
	}
	return strings.Join(out, "|")
}
