package gpu

import "github.com/hallmark-attest/hallmark/attest"

// Limits on what arrives from a node or from the probe. Counts are elements, sizes bytes.
const (
	MaxDevices   = 64                                // GPUs of one host; the largest chassis sold holds 16
	MaxLinks     = 36                                // NVLinks of one GPU (18 on NVLink 4 and 5)
	MaxProcesses = 4096                              // processes of all GPUs together
	MaxPairs     = MaxDevices * (MaxDevices - 1) / 2 // unordered pairs of GPUs
	MaxText      = 128                               // any text value; NVML's largest buffer here is 96
	MaxCelsius   = 1000                              // a temperature or margin is within plus and minus this

	MaxClaimsSize   = 512 << 10 // one encoded Claims
	MaxRequestSize  = 4 << 10   // one request frame to the probe
	MaxReplySize    = 4 << 20   // one reply frame of the probe
	MaxMethod       = 32        // a method's name
	MaxParams       = 3 << 10   // the encoded parameters of a request: MaxDevices keys fit
	MaxBudgetMillis = 3_600_000 // what a request may give the probe: an hour
)

// MaxAbsences is the ground floor's limit: Snapshot folds equal absences to stay below it.
const MaxAbsences = attest.MaxAbsences
