package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
)

// measured is one path's identity, as --json prints it.
type measured struct {
	Path   string         `json:"path"`
	Digest string         `json:"digest"` // of the manifest
	Size   uint64         `json:"size_bytes"`
	Files  []measuredFile `json:"files"`

	Census json.RawMessage `json:"census,omitempty"` // as evidence states it
	Absent []lacking       `json:"absent,omitempty"`
	text   string
}

// lacking is what the census lacks, and why.
type lacking struct {
	What   string        `json:"what"`
	Reason attest.Reason `json:"reason"`
	Detail string        `json:"detail"`
}

type measuredFile struct {
	Path     string `json:"path"`
	Size     uint64 `json:"size_bytes"`
	FSVerity string `json:"fsverity"`
}

func measureCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "measure PATH...",
		Short: "Print the identity of model files or directories",
		Long: `measure reads each PATH, a file or a directory of weights, and prints its model
digest: SHA-256 over the manifest of paths, sizes and fs-verity digests. It is the
value that evidence states and that reference files hold. Then what the headers of
safetensors and GGUF files say: parameters, and in what precision.`,
		Example: `  hallmark-agent measure /srv/models/llama-3.1-8b
  hallmark-agent measure --json model.gguf | jq -r .digest`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, path := range args {
				m, err := measure(cmd.Context(), path, progressOn(os.Stderr, path))
				if err != nil {
					return err
				}
				if err := printMeasured(cmd.OutOrStdout(), m, asJSON); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document per path")
	return cmd
}

func measure(ctx context.Context, path string, progress func(done, total int64)) (*measured, error) {
	manifest, err := engine.Measure(ctx, path, progress)
	if err != nil {
		return nil, fmt.Errorf("measure %s: %w", path, err)
	}
	digest, err := manifest.Digest()
	if err != nil {
		return nil, fmt.Errorf("measure %s: %w", path, err)
	}
	m := &measured{Path: path, Digest: hex.EncodeToString(digest[:]), Size: manifest.Size(), Files: []measuredFile{}}
	for _, e := range manifest {
		m.Files = append(m.Files, measuredFile{e.Path, e.Size, hex.EncodeToString(e.FSVerity[:])})
	}
	return m, m.count(ctx, path, manifest)
}

// count adds the census; a model that cannot be counted has its reasons instead.
func (m *measured) count(ctx context.Context, path string, manifest engine.Manifest) error {
	c, absent, err := engine.Census(ctx, path, manifest)
	if err != nil {
		return err
	}
	for _, a := range absent {
		m.Absent = append(m.Absent, lacking{a.What, a.Reason, a.Detail})
		m.text += fmt.Sprintf("%s: %s: %s\n", a.What, a.Reason, a.Detail)
	}
	if c == nil {
		return nil
	}
	m.text = c.Text() + m.text
	b, err := attest.Marshal(c)
	if err == nil {
		m.Census, err = attest.View(b, attest.NoNames)
	}
	return err
}

func printMeasured(w io.Writer, m *measured, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(m)
	}
	for _, f := range m.Files {
		if _, err := fmt.Fprintf(w, "%s  %14d  %s\n", f.FSVerity, f.Size, f.Path); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "model digest %s  (%d files, %d bytes)  %s\n%s", m.Digest, len(m.Files), m.Size, m.Path, m.text)
	return err
}

// progressOn shows progress on a terminal, four times a second; elsewhere nothing.
func progressOn(w *os.File, path string) func(done, total int64) {
	if !isTerminal(w) {
		return nil
	}
	var last time.Time
	return func(done, total int64) {
		if now := time.Now(); now.Sub(last) > 250*time.Millisecond || done == total {
			last = now
			end := "\r"
			if done == total {
				end = "\n"
			}
			fmt.Fprintf(w, "hallmark-agent: %s: %d of %d MiB%s", path, done>>20, total>>20, end)
		}
	}
}
