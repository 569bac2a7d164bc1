package main

import (
	"bytes"
	"crypto/ecdsa"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/stats"
	"github.com/hallmark-attest/hallmark/stats/compute"
	"github.com/hallmark-attest/hallmark/verify"
)

func statsShowCommand() *cobra.Command {
	var signer string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Show statistical results",
		Long: `Reads a file of stat-result/v1 records, a record or signed record on each line, and
shows them as a table. With --signer each record must be signed by that key;
without, no signature is checked: whoever can write the file can make it say anything.`,
		Example: `  hallmark stats show results.jsonl --signer validator.key.pub
  hallmark stats show results.jsonl --json | jq '.[] | select(.decision == "outlier")'`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return showStats(args[0], signer, asJSON) },
	}
	cmd.Flags().StringVar(&signer, "signer", "", "public key that must have signed every record")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func showStats(path, signer string, asJSON bool) error {
	var key *ecdsa.PublicKey
	var err error
	if signer != "" {
		if key, err = readPublicKey(signer); err != nil {
			return err
		}
	}
	b, err := readFile(path, compute.MaxFile)
	if err != nil {
		return err
	}
	var results []*stats.Result
	n := 0
	for line := range bytes.Lines(b) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		r, err := verify.ReadStatResult(line, key)
		if err != nil {
			return unlike(path, b, fmt.Errorf("%s line %d: %w", path, n, err), sortResults)
		}
		results = append(results, r.Result)
	}
	if len(results) == 0 {
		return fmt.Errorf("%s: no records: make them with hallmark stats compute", path)
	}
	if key == nil {
		fmt.Fprintln(os.Stderr, "hallmark: no signature was checked; give --signer")
	}
	return printStats(results, asJSON)
}
