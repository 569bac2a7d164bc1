package bootlog

// Limits on a log, beside attest.MaxLogSize. The largest log among the samples
// has 166 events; servers with many option ROMs have some hundreds.
const (
	MaxEvents     = 4096
	MaxAlgorithms = 8         // digests of one event; six hash algorithms are registered for banks
	MaxKeys       = 8192      // entries of one signature list variable; 460 in the largest dbx of the samples
	MaxVariable   = 1 << 20   // bytes of one UEFI variable, as in both libraries
	MaxName       = 256       // UTF-16 units of a variable's name
	MaxLine       = 16 << 10  // bytes of one measured string; Linux takes at most 4096 on any architecture
	MaxPath       = 2048      // bytes of a device path, as in both libraries
	maxIndex      = 24        // registers of a TPM for the PC Client platform
	noRegister    = 1<<32 - 1 // pcrIndex of some EV_NO_ACTION events
)
