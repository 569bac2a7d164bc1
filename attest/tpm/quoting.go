package tpm

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
)

// ErrPCRMoving says that the registers changed under every attempt to quote them.
var ErrPCRMoving = errors.New("PCRs changed between reading and quoting, three times")

const quoteAttempts = 3

// Quote signs the qualifying data and PCRs 0 to 15. The values are read just before the quote and must give its
// digest; when a register moves in between, both are done again, at most twice, over the same qualifying data.
func (d *Device) Quote(ctx context.Context, qualifying [32]byte) (Quote, error) {
	return run(ctx, d, "quote", func(l line) (Quote, error) {
		for range quoteAttempts {
			q, agrees, err := d.quoteOnce(l, qualifying)
			if err != nil || agrees {
				return q, err
			}
		}
		return Quote{}, ErrPCRMoving
	})
}

func (d *Device) quoteOnce(l line, qualifying [32]byte) (q Quote, agrees bool, err error) {
	pcrs, err := readPCRs(l, d.bank, Selection())
	if err != nil {
		return Quote{}, false, err
	}
	var x *Quoted
	err = d.withAK(l, func(h tpm2.AuthHandle) error {
		r, err := tpm2.Quote{
			SignHandle:     h,
			QualifyingData: tpm2.TPM2BData{Buffer: qualifying[:]},
			InScheme:       tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull}, // the key's own
			PCRSelect:      selectPCRs(d.bank, Selection()),
		}.Execute(l)
		if err != nil {
			return err
		}
		q = Quote{Attest: r.Quoted.Bytes(), Signature: tpm2.Marshal(r.Signature), Bank: d.bank, PCRs: pcrs}
		if x, err = ParseQuoted(q); err != nil {
			return fmt.Errorf("own quote: %w", err)
		}
		return d.signedByUs(x.attest)
	})
	if err != nil {
		return Quote{}, false, err
	}
	return q, bytes.Equal(x.Digest(), PCRDigest(pcrs)), nil
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
