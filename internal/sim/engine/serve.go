package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// maxWeights bounds what the simulated engine maps.
const maxWeights = 8 << 30

// Serve maps the weights and answers on listen until ctx ends, questions in the given manner.
func Serve(ctx context.Context, weights, listen string, m Manner) error {
	mapped, err := mapFile(weights)
	if err != nil {
		return fmt.Errorf("engine: weights: %w", err)
	}
	defer func() { _ = unix.Munmap(mapped) }()
	tensors, err := checkWeights(mapped)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, "{\"object\":\"list\",\"data\":[{\"id\":\"simulated\",\"object\":\"model\",\"tensors\":%d}]}\n", tensors)
	})
	mux.HandleFunc("POST /v1/chat/completions", m.complete)
	srv := &http.Server{Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("engine: %w", err)
	}
	return nil
}

// mapFile maps a file as engines map weights: shared, read-only, and closed afterwards.
func mapFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() == 0 || st.Size() > maxWeights {
		return nil, fmt.Errorf("%s has %d bytes, want 1 to %d", name, st.Size(), maxWeights)
	}
	return unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_SHARED)
}
