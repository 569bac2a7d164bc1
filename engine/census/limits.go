package census

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

// Limits on what is read from outside. The largest models of 2026 hold some
// 210,000 tensors in 190 shards with 30 MB of headers and index.
const (
	MaxFiles       = 4096     // weight files of one model; with MaxFileBytes it keeps sums within a uint64
	MaxFileBytes   = 1 << 46  // one weight file, as engine.MaxFileBytes
	MaxTensors     = 1 << 19  // of all files of a model
	MaxHeaderBytes = 32 << 20 // one safetensors header; the format allows 100 MB
	MaxTotalBytes  = 96 << 20 // all safetensors headers of a model: bounds the names kept
	MaxIndexBytes  = 64 << 20 // model.safetensors.index.json
	MaxConfigBytes = 4 << 20  // config.json and its like
	MaxGGUFBytes   = 256 << 20
	MaxKeys        = 1 << 14 // metadata keys of one GGUF file, keys of __metadata__
	MaxNameBytes   = 512     // a tensor's name
	MaxKeyBytes    = 1024    // a metadata key
	MaxStringBytes = 8 << 20 // a string that is read over
	MaxRank        = 16      // dimensions of a tensor
	MaxNesting     = 16      // JSON and GGUF arrays within arrays
	MaxNodes       = 1 << 18 // values of one config.json
	MaxAlignment   = 1 << 20 // general.alignment

	MaxCensusSize = attest.MaxCensusSize // one encoded Census
	MaxTypes      = 64
	MaxConflicts  = 32
	MaxIgnored    = 16 // ignored files that are named
	maxNamed      = 8  // files or tensors named in absences
	maxSniffed    = 64 // files without extension that are looked into
)

// limitError says that a file goes beyond a limit: neither wrong nor judged.
type limitError struct {
	what  string
	limit uint64
}

func (e *limitError) Error() string { return fmt.Sprintf("%s: over the limit of %d", e.what, e.limit) }
