package modelsig

import "github.com/hallmark-attest/hallmark/attest"

// Limits on what is read from a bundle. The reference signer spends some 250
// bytes of JSON on a file, a third more in base64.
const (
	MaxBundleBytes = 32 << 20             // the bundle as received
	MaxResources   = attest.MaxModelFiles // files, or byte ranges of files
	MaxIgnorePaths = 4096                 // entries of ignore_paths
	MaxFileBytes   = 1 << 46              // the end of a byte range, and a shard's size
	MaxNesting     = 16                   // JSON within JSON; a transparency log entry has 7
	MaxKeyBytes    = 4 << 10              // a public key in PEM
)
