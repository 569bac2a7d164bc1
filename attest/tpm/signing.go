package tpm

import (
	"context"
	"sync"

	"github.com/google/go-tpm/tpm2/transport"
)

type signingKey struct{}

// WithSigning makes a context for Quote: f is called, at most once, when everything is encoded and the command is about to be
// handed over. From then on the processors are idle until the TPM has signed: that is the time for what can wait.
// f must not wait for anything.
func WithSigning(ctx context.Context, f func()) context.Context {
	return context.WithValue(ctx, signingKey{}, sync.OnceFunc(f))
}

// announced is a line that tells before it sends.
type announced struct{ line }

var _ transport.TPM = announced{}

// Send implements transport.TPM.
func (a announced) Send(command []byte) ([]byte, error) {
	if f, ok := a.ctx.Value(signingKey{}).(func()); ok {
		f()
	}
	return a.line.Send(command)
}
