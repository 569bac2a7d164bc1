package tpm

import "maps"

// ClockInfo is TPMS_CLOCK_INFO (Part 2, 10.11.1): what ties two quotes of one TPM together in time.
type ClockInfo struct {
	ClockMillis  uint64 // milliseconds powered, over the TPM's life since the last TPM2_Clear
	ResetCount   uint32 // TPM resets since then
	RestartCount uint32 // restarts and resumes since the last reset
	Safe         bool   // false: the clock may have shown a later value before a power loss
}

// QuoteInfo is what a checked quote says.
type QuoteInfo struct {
	Clock           ClockInfo
	FirmwareVersion uint64
	QualifiedSigner []byte
	Bank            uint16
	PCRs            map[uint][]byte
}

// Info returns what the quote says. It is true only after every Check passed.
func (x *Quoted) Info() *QuoteInfo {
	c := x.attest.ClockInfo
	return &QuoteInfo{
		Clock: ClockInfo{ClockMillis: c.Clock, ResetCount: c.ResetCount,
			RestartCount: c.RestartCount, Safe: bool(c.Safe)},
		FirmwareVersion: x.attest.FirmwareVersion,
		QualifiedSigner: append([]byte(nil), x.attest.QualifiedSigner.Buffer...),
		Bank:            x.raw.Bank,
		PCRs:            maps.Clone(x.raw.PCRs),
	}
}

// CheckQuote runs every predicate, cheapest first and the signature last, and
// returns what the quote says. The error wraps exactly one of the package's sentinels.
func CheckQuote(ak *AK, q Quote, qualifying [32]byte, required []uint) (*QuoteInfo, error) {
	x, err := ParseQuoted(q)
	if err != nil {
		return nil, err
	}
	for _, check := range []func() error{
		x.CheckMagic,
		x.CheckType,
		func() error { return x.CheckExtraData(qualifying) },
		func() error { return x.CheckSigner(ak) },
		func() error { return x.CheckSelection(required) },
		x.CheckPCRValues,
		x.CheckPCRDigest,
		func() error { return x.CheckSignature(ak) },
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return x.Info(), nil
}
