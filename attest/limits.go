package attest

// Limits on everything that arrives from outside. A length is compared with its
// limit before anything of that length is allocated. Sizes are bytes, counts are
// elements. docs/format.md section "Limits" repeats this table; a test holds the two together.
const (
	MaxRequestSize    = 64 << 10 // a signed request (challenge, activate) as received
	MaxEvidenceSize   = 1 << 20  // the evidence envelope
	MaxAnswerSize     = 1 << 20  // the answer of one challenge
	MaxLogSize        = 6 << 20  // the part of one log in one response; three fit into MaxResponseSize, with a window
	MaxResponseSize   = 24 << 20 // evidence, answer, path and logs
	MaxRecordSize     = MaxResponseSize + 128<<10
	MaxNodeRecordSize = 64 << 10
	MaxReferenceSize  = 16 << 20
	MaxActivateSize   = 64 << 10 // an activation answer
	MaxProblemSize    = 16 << 10
	MaxVerdictSize    = 64 << 10

	MaxWindowSize    = 3 << 20 // all chunks of one window
	MaxWindowChunks  = 1024
	MaxWindowSeconds = 900 // that a challenge may ask for

	MaxBatch       = 4096 // challenges under one root
	MaxPath        = 12   // inclusion path of MaxBatch leaves
	MaxLifeMillis  = 120_000
	MaxProfiles    = 8
	MaxKinds       = 16
	MaxAbsences    = 256
	MaxText        = 1024 // any text string
	MaxDetail      = 512  // an absence's detail
	MaxModels      = 64
	MaxSpeculation = 1024 // draft tokens that a step may accept, as declared
	MaxModelFiles  = 65536
	MaxCensusSize  = 32 << 10 // one encoded census
	MaxListedFiles = 1024     // manifest entries listed for one model
	MaxExecutables = 4096
	MaxBoots       = 64    // boot references in one file
	MaxBootValues  = 1024  // keys, images, files or command lines of one boot policy
	MaxMeasured    = 65536 // files known to a closed world, in one reference file
	MaxRegisters   = 24
	MaxCerts       = 16
	MaxCertSize    = 16 << 10
	MaxBlockModels = 8    // models whose blocks one challenge asks for
	MaxBlocks      = 32   // blocks of all of them: 786 KiB where no two share a tree block of the five levels of a 2^46-byte file
	MaxBlockPath   = 8    // tree blocks above one block
	BlockBytes     = 4096 // a data block, and a tree block

	// DefaultNesting is the depth of arrays and maps allowed by Unmarshal.
	DefaultNesting = 16
	// MaxElements bounds each array and map seen by Unmarshal.
	MaxElements = MaxModelFiles
)
