package runlog

import "github.com/hallmark-attest/hallmark/attest"

// Limits of this package, bytes unless stated.
const (
	// MaxLog bounds the events of one boot, and a part of them.
	MaxLog = 2 << 20
	// MaxRecords bounds the records of one boot, elements.
	MaxRecords = 8192
	// MaxContent bounds the CBOR of one event.
	MaxContent = 8 << 10
	// MaxRecord bounds a whole record: four TLVs, digests of all banks.
	MaxRecord = 4*tlvHeader + 8 + 1 + maxDigests + MaxContent
	// MaxFacts bounds the facts of one event, elements.
	MaxFacts = 64
	// MaxKey bounds the name of a fact.
	MaxKey = 64
	// MaxValue bounds a fact's text or bytes.
	MaxValue = attest.MaxText

	maxPCR     = 24                              // registers 0 to 23: PC Client Platform TPM Profile
	maxDigests = 4*tlvHeader + 20 + 32 + 48 + 64 // SHA-1, SHA-256, SHA-384, SHA-512
)
