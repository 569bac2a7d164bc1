package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/google/go-tpm/tpm2/transport"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// TPM is what the collector asks of the device that holds the attestation key.
// Claims and Quote return values that attest.Marshal encodes. Quote tells its context when it begins to sign (quoting).
type TPM interface {
	AKName() []byte
	Claims(context.Context) (any, error)
	Quote(ctx context.Context, qualifying attest.Digest) (any, error)
	Parameters(context.Context) (*attest.Parameters, error)
	Activate(ctx context.Context, ek string, credential, secret []byte) ([]byte, error)
	Close() error
}

// ErrTPMLost says that a TPM must be opened again: its key is not the one it was opened with.
var ErrTPMLost = errors.New("attestation key lost")

// NewTPM makes the attestation key in t. device is the path as configured, for
// the claims. Closing the TPM closes t.
func NewTPM(ctx context.Context, t transport.TPMCloser, device string, now func() time.Time, o tpm.Options) (TPM, error) {
	d, err := tpm.NewDevice(ctx, t, o)
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return &tpmDevice{d, t, device, now}, nil
}

type tpmDevice struct {
	*tpm.Device
	transport transport.TPMCloser
	path      string
	now       func() time.Time
}

func (d *tpmDevice) AKName() []byte { return d.AK().Name() }

func (d *tpmDevice) Claims(ctx context.Context) (any, error) {
	c, err := d.Device.Claims(ctx, d.path, d.now)
	return c, lost(err)
}

func (d *tpmDevice) Quote(ctx context.Context, qualifying attest.Digest) (any, error) {
	q, err := d.Device.Quote(tpm.WithSigning(ctx, func() { quoting(ctx) }), qualifying)
	return q, lost(err)
}

func (d *tpmDevice) Activate(ctx context.Context, ek string, credential, secret []byte) ([]byte, error) {
	b, err := d.Device.Activate(ctx, ek, credential, secret)
	return b, lost(err)
}

// Parameters states them as docs/format.md does. The certificate chain in NV is
// one for all keys; it stands beside the first certificate, to be sent once.
func (d *tpmDevice) Parameters(ctx context.Context) (*attest.Parameters, error) {
	p, err := d.ActivationParameters(ctx)
	if err != nil {
		return nil, lost(err)
	}
	out := &attest.Parameters{AK: p.AK, CreationData: p.CreationData, CreationAttest: p.CreationAttestation,
		CreationSigning: p.CreationSignature, Absent: p.Absent}
	chain := p.Chain
	for _, ek := range p.EKs {
		offer := attest.EKOffer{Template: ek.Template, Key: ek.SPKI, Certificate: ek.Certificate}
		if len(ek.Certificate) > 0 {
			offer.Chain, chain = chain, nil
		}
		out.EKs = append(out.EKs, offer)
	}
	return out, nil
}

func (d *tpmDevice) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return errors.Join(d.Device.Close(ctx), d.transport.Close())
}

// lost marks errors after which the TPM must be opened anew: another key, or a
// device file whose driver went away, which no waiting brings back.
func lost(err error) error {
	var errno syscall.Errno
	gone := errors.Is(err, tpm.ErrIdentityChanged) || errors.Is(err, tpm.ErrClosed) || errors.Is(err, tpm.ErrBroken) || errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed)
	if errors.As(err, &errno) {
		gone = gone || slices.Contains([]syscall.Errno{syscall.ENODEV, syscall.ENXIO, syscall.EIO, syscall.EBADF, syscall.EPIPE}, errno)
	}
	if gone {
		return fmt.Errorf("%w: %w", ErrTPMLost, err)
	}
	return err
}

// busy reports that the device, not the request, is why a TPM operation failed.
func busy(err error) bool {
	var b *tpm.BusyError
	return errors.As(err, &b) || errors.Is(err, ErrTPMLost) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

func (d *tpmDevice) ExtendPCR(ctx context.Context, pcr uint, digests map[uint16][]byte) error {
	return lost(d.Device.ExtendPCR(ctx, pcr, digests))
}
