package tpm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"github.com/hallmark-attest/hallmark/internal/roomy"
)

var (
	// ErrClosed says that the Device was closed.
	ErrClosed = errors.New("closed")
	// ErrIdentityChanged says that a TPM which lost our key now derives another: the endorsement seed was changed.
	ErrIdentityChanged = errors.New("endorsement seed changed: the attestation key is another one")
	// ErrNeedsAuth says that a hierarchy or index has a password, which is never guessed (that would lock the TPM out).
	ErrNeedsAuth = errors.New("needs a password that is not empty")
)

// DefaultHung is Options.Hung where that is zero.
const DefaultHung = 10 * time.Second

// Options of a Device; the zero value is the default.
type Options struct {
	// Hung is how long one operation may hold the TPM before others are told
	// that it hangs instead of being left waiting. Zero means DefaultHung. Key
	// generation on slow chips takes seconds.
	Hung time.Duration
	// Moving says that an IMA list will be sent beside the quotes: where register 10 never rests Quote then gives its last
	// quote, although the values do not give its digest, for a prefix of the list does. Without a list nobody could
	// mend them, and ErrPCRMoving is the honest answer.
	Moving bool
}

// Device is the one user of a TPM: all access goes through it, one operation at a time. It holds the
// attestation key loaded and loses nothing when the TPM resets, for the key is derived anew. Its methods may be called from
// any goroutine; none outlasts its context, although a TPM command that has begun cannot be called back: it goes on alone,
// keeps the TPM busy until it returns, and cleans up after itself.
type Device struct {
	t      transport.TPM
	hung   time.Duration
	turn   turn
	moving bool

	// The rest belongs to whoever holds the turn.
	closed  bool
	ak      *AK
	origin  creation
	handle  tpm2.TPMHandle // zero: not loaded
	unsure  bool           // an attempt to load it ended without an answer: a copy may be loaded
	bank    uint16
	ek      *endorsement
	made    map[string][]byte // DER SPKI of endorsement keys that had to be made, by template
	details *properties
	// registers are the values last read for a quote, nil before the first.
	registers map[uint][]byte
}

// NewDevice makes the attestation key in the TPM and removes copies of it that a killed process left loaded.
// The transport must be used by nobody else from now on; closing it, after Close, is the caller's business.
func NewDevice(ctx context.Context, t transport.TPM, o Options) (*Device, error) {
	if t == nil {
		return nil, errors.New("tpm open: no transport")
	}
	if o.Hung == 0 {
		o.Hung = DefaultHung
	}
	d := &Device{t: t, hung: o.Hung, turn: newTurn(), moving: o.Moving, made: map[string][]byte{}}
	_, err := run(ctx, d, "open", func(l line) (struct{}, error) { return struct{}{}, d.open(l) })
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Device) open(l line) (err error) {
	if d.bank, err = chooseBank(l); err != nil {
		return err
	}
	if err := d.load(l); err != nil {
		return err
	}
	if err := d.flushLeftovers(l); err != nil {
		d.unload(l)
		return err
	}
	return nil
}

// AK returns the attestation key's public half.
func (d *Device) AK() *AK { return d.ak }

// Bank returns the PCR bank that is quoted.
func (d *Device) Bank() uint16 { return d.bank }

// Close unloads the attestation key. Later calls of any method fail with ErrClosed.
func (d *Device) Close(ctx context.Context) error {
	_, err := run(ctx, d, "close", func(l line) (struct{}, error) {
		d.closed = true
		return struct{}{}, d.unload(l)
	})
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// run takes the turn, runs one operation in its own goroutine and waits for it or for the context. Values travel in
// the channel, so an operation whose caller left has nobody to race with.
func run[T any](ctx context.Context, d *Device, step string, op func(line) (T, error)) (T, error) {
	var none T
	if err := d.turn.take(ctx, step, d.hung); err != nil {
		return none, fmt.Errorf("tpm %s: %w", step, err)
	}
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		roomy.Stack()
		var r result
		defer func() {
			if p := recover(); p != nil { // the library panics on some broken answers
				r.err = fmt.Errorf("%w: %v", ErrBroken, p)
			}
			d.turn.give()
			done <- r
		}()
		if d.closed {
			r.err = ErrClosed
			return
		}
		r.v, r.err = op(line{ctx, d.t})
	}()
	var r result
	select {
	case r = <-done:
	case <-ctx.Done():
		r.err = ctx.Err()
	}
	if r.err != nil {
		return none, fmt.Errorf("tpm %s: %w", step, explain(r.err))
	}
	return r.v, nil
}
