// Package exit ends a bench: with 0 where every bar was met, 1 where a number missed one, 2 where it did not run.
package exit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// ErrMissed is what a bench returns that has printed which bar it missed.
var ErrMissed = errors.New("a bar was missed")

// Run runs a bench until it ends or is interrupted, and exits.
func Run(name string, bench func(context.Context) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := bench(ctx)
	stop()
	switch {
	case errors.Is(err, ErrMissed):
		os.Exit(1)
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
}
