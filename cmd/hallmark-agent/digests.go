package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hallmark-attest/hallmark/agent"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/engine/watch"
)

// sumsDir is where, in the state directory, sums of weights are kept: 8.6 MB for 140 GB.
const sumsDir = "sums"

// newDigests hashes files for the engines' claims. A state directory that cannot
// be had costs proofs of blocks, and time after a restart, and is no error.
func newDigests(c *agent.Config, log *slog.Logger) *engine.Digests {
	opt := engine.DigestOptions{StateDir: filepath.Join(c.StateDir, sumsDir), Watch: newWatcher(log), Log: log,
		BackgroundBytesPerSecond: c.Weights.BytesPerSecond, Reread: time.Duration(c.Weights.Reread)}
	id, err := bootID()
	if err == nil {
		err = os.MkdirAll(opt.StateDir, 0o700)
	}
	if err != nil {
		log.Warn("sums of weights are not kept: no proofs of blocks", "err", err)
		opt.StateDir = ""
		return engine.NewDigests(opt)
	}
	opt.BootID = fmt.Sprintf("%x", id)
	return engine.NewDigests(opt)
}

// newWatcher watches hashed files until the process ends. Without it they are known by their times alone.
func newWatcher(log *slog.Logger) engine.Watcher {
	w, err := watch.New()
	if err != nil {
		log.Warn("files are not watched: their times are compared alone", "err", err)
		return nil
	}
	log.Debug("files are watched", "by", w.Name())
	return w
}
