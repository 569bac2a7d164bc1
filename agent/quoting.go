package agent

import "context"

type quotingKey struct{}

// withQuoting makes a context for evidence: f is called when everything is bound
// and the TPM begins to sign, from when on the processors are idle. It must not wait for anything.
func withQuoting(ctx context.Context, f func()) context.Context {
	return context.WithValue(ctx, quotingKey{}, f)
}

// quoting tells whoever asked for the evidence that is made under ctx.
func quoting(ctx context.Context) {
	if f, ok := ctx.Value(quotingKey{}).(func()); ok {
		f()
	}
}
