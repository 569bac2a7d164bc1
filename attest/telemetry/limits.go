package telemetry

// Limits on what arrives from a node or from the probe. Counts are elements, sizes bytes.
const (
	MaxDevices   = 64        // GPUs of one record
	MaxValues    = 1024      // values of one GPU in one record: 36 links with 20 counters, and 100 of its own
	MaxKey       = 64        // a device's key
	MaxProcesses = 1024      // processes of one GPU in one record
	MaxFacts     = 64        // of one record
	MaxMarks     = 64        // of one record: more batches a second than any chip quotes
	MaxAncestors = 8         // genesis documents of earlier chains, in claims
	MaxText      = 256       // a fact's text
	MaxRecord    = 512 << 10 // one encoded record
	MaxGenesis   = 1 << 10   // one encoded genesis document

	MaxSteps    = 18000     // records of one chunk: half an hour at ten a second
	MaxChunk    = 900 << 10 // one encoded chunk
	MaxColumns  = 8 << 20   // its columns, uncompressed
	MaxCells    = 4 << 20   // values and GPUs of all its records together
	MaxUnpacked = 64 << 20  // all its records, encoded
	MaxChunks   = 4096      // chunks of one history or window
	MaxTrail    = 6000      // digests of one history: anchors ten minutes apart at ten a second
	MaxAnchors  = 1024      // anchors of one history
	MaxAnchor   = 8 << 10   // one encoded anchor

	MaxClaims  = 64 << 10 // one encoded Claims
	MaxHistory = 16 << 20 // one encoded History
)
