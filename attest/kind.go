package attest

import "slices"

// Kind names one sort of claims in evidence (docs/format.md, section "Kinds").
type Kind string

const (
	KindHost      Kind = "host"
	KindGPU       Kind = "gpu"
	KindEngine    Kind = "engine"
	KindTPM       Kind = "tpm"
	KindTelemetry Kind = "telemetry"
	KindTDX       Kind = "tdx"
	KindGuest     Kind = "guest"      // reserved
	KindGPUReport Kind = "gpu-report" // reserved: signed GPU reports inside the gpu claims
)

// Built lists the kinds whose claims this version writes and reads, in the
// order in which reports print them.
func Built() []Kind {
	return []Kind{KindTPM, KindTDX, KindHost, KindGPU, KindTelemetry, KindEngine}
}

// Reserved lists the kinds that have a place in the format and no content yet.
// They may be asked for; their claims, quotes and reports are refused.
func Reserved() []Kind { return []Kind{KindGuest, KindGPUReport} }

// Known reports whether k may stand in a challenge or an absence.
func (k Kind) Known() bool { return slices.Contains(Built(), k) || slices.Contains(Reserved(), k) }

// IsBuilt reports whether k's claims may stand in evidence.
func (k Kind) IsBuilt() bool { return slices.Contains(Built(), k) }

// Class is the cost class of a batch: what the node must ask its devices for.
type Class string

const (
	ClassFast   Class = "fast"
	ClassDevice Class = "device" // GPU reports or a TD quote wanted
)

// ClassOf says which cost class a set of wanted kinds needs.
func ClassOf(kinds []Kind) Class {
	if slices.Contains(kinds, KindTDX) || slices.Contains(kinds, KindGPUReport) {
		return ClassDevice
	}
	return ClassFast
}
