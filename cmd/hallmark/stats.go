package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/stats"
	"github.com/hallmark-attest/hallmark/stats/compute"
	"github.com/hallmark-attest/hallmark/verify"
)

func statsCommand() *cobra.Command {
	return group("stats", "Compute and show statistical results", statsComputeCommand(), statsCalibrateCommand(), statsShowCommand())
}

type statsFlags struct {
	embeddings, saveEmbeddings string
	embedURL, embedModel       string
	options                    compute.Options
	key, out                   string
	asJSON                     bool
}

func statsComputeCommand() *cobra.Command {
	var f statsFlags
	cmd := &cobra.Command{
		Use:   "compute ANSWERS.jsonl [--embeddings FILE.jsonl | --embed-url URL --embed-model NAME]",
		Short: "Compute results from nodes' answers",
		Long: `Reads answers that nodes gave to the same questions, and writes one stat-result/v1
for each node and method: the score T with the paper's distances and sigma beside it,
energy distance, latency, HTTP outcomes. docs/statistics.md says what each number
means, what it cannot show, and how the files look.

Embeddings are read from a file, or fetched from an OpenAI-compatible endpoint of
your choice: never a node's, for who embeds the answers chooses the distances. A key
for it is taken from HALLMARK_EMBED_KEY.

With --reference nodes are held against that node's answers (a replay on your own
machine, or nodes you attested). Without, against each other: that takes 20 nodes,
and two clusters make the whole domain inconclusive.

The result decides nothing by itself: hallmark crosscheck and verify --stats hold evidence against it.`,
		Example: `  hallmark stats compute answers.jsonl --embeddings embeddings.jsonl --reference replay
  hallmark stats compute answers.jsonl --embed-url http://127.0.0.1:11434/v1 --embed-model nomic-embed-text --reference replay --key validator.key -o results.jsonl`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.compute(cmd.Context(), args[0]) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.embeddings, "embeddings", "", "embeddings of the answers (JSON Lines)")
	fl.StringVar(&f.embedURL, "embed-url", "", "OpenAI-compatible endpoint that embeds the answers, as http://127.0.0.1:11434/v1")
	fl.StringVar(&f.embedModel, "embed-model", "", "with --embed-url: the embedding model's name there")
	fl.StringVar(&f.saveEmbeddings, "save-embeddings", "", "with --embed-url: keep what it answered in this file")
	fl.StringArrayVar(&f.options.References, "reference", nil, "node whose answers the others are held against; may be repeated")
	fl.Uint64Var(&f.options.Seed, "seed", 1, "seed of permutations; the record keeps it")
	fl.IntVar(&f.options.Permutations, "permutations", compute.DefaultPermutations, "permutations of the energy test")
	fl.Float64Var(&f.options.SlowShare, "slow", compute.DefaultSlowShare, "flag slow from this shift on, as a share of the reference's median (not calibrated)")
	fl.Float64Var(&f.options.ErrorShare, "errors", compute.DefaultErrorShare, "flag errors where their rate is surely above this (not calibrated)")
	fl.StringVar(&f.key, "key", "", "private key to sign each record with")
	fl.StringVarP(&f.out, "output", "o", "", "file to write records to (JSON Lines)")
	fl.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func (f *statsFlags) check() error {
	switch {
	case f.embeddings != "" && f.embedURL != "":
		return errors.New("--embeddings and --embed-url exclude each other: one embedder for all answers")
	case (f.embedURL == "") != (f.embedModel == ""):
		return errors.New("--embed-url and --embed-model go together")
	case f.saveEmbeddings != "" && f.embedURL == "":
		return errors.New("--save-embeddings goes with --embed-url")
	case f.key != "" && f.out == "":
		return errors.New("--key goes with -o: the table cannot be signed")
	case f.options.Permutations < 19 || f.options.Permutations > 10_000_000:
		return fmt.Errorf("--permutations %d: want 19 to 10000000", f.options.Permutations)
	case !(f.options.SlowShare > 0 && f.options.SlowShare <= 1000), !(f.options.ErrorShare > 0 && f.options.ErrorShare < 1):
		return errors.New("--slow and --errors: want shares above 0, --errors below 1")
	}
	return nil
}

func (f *statsFlags) compute(ctx context.Context, path string) error {
	if err := f.check(); err != nil {
		return err
	}
	var key *ecdsa.PrivateKey
	var err error
	if f.key != "" {
		if key, err = readPrivateKey(f.key); err != nil {
			return err
		}
	}
	b, err := readFile(path, compute.MaxFile)
	if err != nil {
		return err
	}
	answers, err := compute.ParseAnswers(path, b)
	if err != nil {
		return unlike(path, b, err, sortAnswers)
	}
	embeddings, err := f.embed(ctx, answers)
	if err != nil {
		return err
	}
	results, err := compute.Evaluate(answers, embeddings, f.options)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	for _, r := range results {
		line, err := verify.MarshalStatResult(key, r)
		if err != nil {
			return err
		}
		file.Write(append(line, '\n'))
	}
	if f.out != "" {
		if err := writeFile(f.out, file.Bytes(), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "hallmark: wrote %d records to %s\n", len(results), f.out)
	}
	return printStats(results, f.asJSON)
}

// embed reads the embeddings or fetches them; neither asked for, nil.
func (f *statsFlags) embed(ctx context.Context, answers *compute.Answers) (*compute.Embeddings, error) {
	name := f.embeddings
	var b []byte
	var err error
	switch {
	case f.embedURL != "":
		name = f.embedURL
		if b, err = fetchEmbeddings(ctx, f.embedURL, f.embedModel, answers); err != nil {
			return nil, err
		}
		if f.saveEmbeddings != "" {
			if err := writeFile(f.saveEmbeddings, b, 0o644); err != nil {
				return nil, err
			}
		}
	case f.embeddings != "":
		if b, err = readFile(name, compute.MaxFile); err != nil {
			return nil, err
		}
	default:
		return nil, nil
	}
	e, err := compute.ParseEmbeddings(name, b)
	if err != nil {
		return nil, unlike(name, b, err, sortEmbeddings)
	}
	return e, nil
}

func printStats(results []*stats.Result, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(results)
	}
	statsTable(results)
	return nil
}
