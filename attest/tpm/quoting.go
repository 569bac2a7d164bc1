package tpm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/go-tpm/tpm2"
)

// ErrPCRMoving says that the registers changed under every attempt to quote them.
var ErrPCRMoving = errors.New("PCRs changed between reading and quoting, each of three times")

const (
	quoteAttempts = 3
	imaPCR        = 10 // where the kernel's measurement list goes (CONFIG_IMA_MEASURE_PCR_IDX)
)

// Quote signs the qualifying data and PCRs 0 to 15. The values must give its digest; as registers rest for hours, those of
// the quote before are tried, which saves a slow chip two commands. When they are not the ones that were quoted, the
// registers are read, for most often they then are; else the quote is repeated over the same qualifying data, at most
// twice. A host where IMA never rests gets ErrPCRMoving, or, by Options.Moving, the last quote with values that miss
// its digest in register 10 alone.
func (d *Device) Quote(ctx context.Context, qualifying [32]byte) (Quote, error) {
	return run(ctx, d, "quote", func(l line) (Quote, error) {
		before, err := d.registersBefore(l)
		if err != nil {
			return Quote{}, err
		}
		for attempt := 1; ; attempt++ {
			q, digest, err := d.quoteOnce(l, qualifying, before)
			if err != nil {
				return Quote{}, err
			}
			if bytes.Equal(digest, PCRDigest(before)) {
				return q, nil
			}
			after, err := readPCRs(l, d.bank, Selection())
			if err != nil {
				return Quote{}, err
			}
			d.registers = after
			if bytes.Equal(digest, PCRDigest(after)) {
				q.PCRs = maps.Clone(after)
				return q, nil
			}
			if attempt == quoteAttempts {
				return d.unsettled(q, moved(before, after))
			}
			before = after
		}
	})
}

// registersBefore are the values last read. Whether they still hold is for the quote's own digest to say.
func (d *Device) registersBefore(l line) (_ map[uint][]byte, err error) {
	if d.registers == nil {
		d.registers, err = readPCRs(l, d.bank, Selection())
	}
	return d.registers, err
}

// unsettled decides about a quote whose registers would not rest: only register 10 has a list that can mend its value.
func (d *Device) unsettled(q Quote, moved []uint) (Quote, error) {
	if d.moving && slices.Equal(moved, []uint{imaPCR}) {
		return q, nil
	}
	return Quote{}, fmt.Errorf("%w: moving: %v", ErrPCRMoving, moved)
}

// moved lists the registers in which two readings differ.
func moved(a, b map[uint][]byte) []uint {
	var out []uint
	for _, i := range slices.Sorted(maps.Keys(a)) {
		if !bytes.Equal(a[i], b[i]) {
			out = append(out, i)
		}
	}
	return out
}

// quoteOnce quotes with values that may not be those quoted, and gives the digest of those that were.
func (d *Device) quoteOnce(l line, qualifying [32]byte, pcrs map[uint][]byte) (q Quote, digest []byte, err error) {
	err = d.withAK(l, func(h tpm2.AuthHandle) error {
		r, err := tpm2.Quote{
			SignHandle:     h,
			QualifyingData: tpm2.TPM2BData{Buffer: qualifying[:]},
			InScheme:       tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull}, // the key's own
			PCRSelect:      selectPCRs(d.bank, Selection()),
		}.Execute(announced{l})
		if err != nil {
			return err
		}
		q = Quote{Attest: r.Quoted.Bytes(), Signature: tpm2.Marshal(r.Signature), Bank: d.bank, PCRs: maps.Clone(pcrs)}
		x, err := ParseQuoted(q)
		if err != nil {
			return fmt.Errorf("own quote: %w", err)
		}
		digest = x.Digest()
		return d.signedByUs(x.attest)
	})
	return q, digest, err
}

// signedByUs looks at the signer's qualified name: a password authorises whatever key has the handle, so after a reset
// without resource manager another program's key could answer.
func (d *Device) signedByUs(a *tpm2.TPMSAttest) error {
	if !bytes.Equal(a.QualifiedSigner.Buffer, d.ak.QualifiedName()) {
		return errForeignKey
	}
	return nil
}

// ReadClock reads the TPM's clock and counters, unsigned.
func (d *Device) ReadClock(ctx context.Context) (ClockInfo, error) {
	return run(ctx, d, "clock", func(l line) (ClockInfo, error) {
		r, err := tpm2.ReadClock{}.Execute(l)
		if err != nil {
			return ClockInfo{}, err
		}
		c := r.CurrentTime.ClockInfo
		return ClockInfo{ClockMillis: c.Clock, ResetCount: c.ResetCount, RestartCount: c.RestartCount, Safe: bool(c.Safe)}, nil
	})
}
