package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify"
)

func inspectCommand() *cobra.Command {
	var export string
	var t telemetryFlags
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what is inside a record, node record, reference file or history",
		Long: `Prints as JSON what a file says: a record of hallmark challenge, a node record, a
reference file, or a history of hallmark telemetry. No signature is checked and
nothing is judged: whoever can write the file can make it say anything. See hallmark
verify. Statistical results are for hallmark stats show.

With --export the raw parts of a record are written for other tools, those that it
has: quote.msg, quote.sig, ak.pem, qualifying.hex, pcrs.json, tdx.quote, boot.log,
ima.bin, runtime.cel, challenge.cbor, evidence.cbor.

With --telemetry the GPUs' telemetry is shown over time, as a table, or with --json
and --svg: that beside a record (see hallmark challenge --window and --since), or of
a history. Its hashes are checked, and of a record that they lead to the head its
evidence states; no signature is.`,
		Example: `  hallmark inspect answer.hm | jq .response.evidence.bound.submods.gpu
  hallmark inspect answer.hm --export parts
  tpm2_checkquote -u parts/ak.pem -m parts/quote.msg -s parts/quote.sig -q $(cat parts/qualifying.hex) -g sha256
  hallmark inspect later.hm --telemetry --step 10s --svg later.svg
  hallmark inspect gpu7.hmt --telemetry --json | jq .gaps`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case t.on && export != "":
				return errors.New("--export and --telemetry exclude each other: raw parts, or telemetry over time")
			case t.on:
				return t.inspect(args[0])
			case t.svg != "" || t.asJSON || cmd.Flags().Changed("step"):
				return errors.New("--step, --svg and --json go with --telemetry; without it the output is JSON already")
			}
			return inspect(args[0], export)
		},
	}
	cmd.Flags().BoolVar(&t.on, "telemetry", false, "show telemetry over time")
	cmd.Flags().DurationVar(&t.step, "step", time.Minute, "with --telemetry: time of one row")
	cmd.Flags().StringVar(&t.svg, "svg", "", "with --telemetry: also draw it into this file")
	cmd.Flags().BoolVar(&t.asJSON, "json", false, "with --telemetry: print JSON")
	cmd.Flags().StringVar(&export, "export", "", "folder for a record's raw parts")
	return cmd
}

func inspect(path, export string) error {
	b, err := readFile(path, 4*attest.MaxReferenceSize)
	if err != nil {
		return err
	}
	in, err := verify.Inspect(b)
	if err != nil {
		return unlike(path, b, fmt.Errorf("%s: %w", path, err), sortRecord, sortNode, sortReference, sortHistory)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, in.View, "", "  "); err != nil {
		return err
	}
	fmt.Println(out.String())
	if got, ok := sortOf(b); ok && got == sortHistory {
		fmt.Fprintf(os.Stderr, "hallmark: %s is %s: its records over time: hallmark inspect %s --telemetry\n", path, got.name, path)
	}
	switch {
	case export == "":
		return nil
	case len(in.Parts) == 0:
		return fmt.Errorf("--export: %s is no record: it has no parts", path)
	}
	if err := os.MkdirAll(export, 0o755); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(in.Parts)) {
		if err := writeFile(filepath.Join(export, name), in.Parts[name], 0o644); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "hallmark: wrote %s (%d bytes)\n", filepath.Join(export, name), len(in.Parts[name]))
	}
	return nil
}
