package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/catalogue"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

type calibrateFlags struct {
	ruleFlags
	id, only, gpu, model, out string
	demo                      bool
}

func statsCalibrateCommand() *cobra.Command {
	var f calibrateFlags
	cmd := &cobra.Command{
		Use:   "calibrate RESULT.json... -o calibration.json",
		Short: "Fit the limits of rules on honest nodes",
		Long: `Reads results of nodes that you know to be honest (hallmark verify --json, one file
for each record), and fits the limits of rules that nobody has measured yet: on one half
of the nodes, counted on the other. Bounds are not fitted. Each result must have reached
verified, and four nodes or more must have been evaluated by a rule; what few nodes show
weighs little: none flagged of 20 gives a rule 1.8, of 200 its most.

Use it with verify --calibration. A limit holds for all nodes, unless --gpu and --model
narrow it. Nodes of one operator are one operator: take them from several.`,
		Example: `  hallmark stats calibrate honest/*.json --gpu "H100 SXM5 80GB" --model llama-3.1-8b -o h100-llama.json
  hallmark verify answer.hm --node node.json --stats results.jsonl --calibration h100-llama.json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return f.calibrate(args) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.out, "output", "o", "", "file to write the limits to")
	fl.StringVar(&f.id, "id", "", "name of the calibration, which results state (default: the file's)")
	fl.StringVar(&f.only, "rules", "", "rules to fit, as M1,U1 (default: all without a measured limit)")
	fl.StringVar(&f.gpu, "gpu", "", "the limits hold for this model of the catalogue only")
	fl.StringVar(&f.model, "model", "", "the limits hold for this declared model only")
	fl.StringVar(&f.calibration, "calibration", "", "begin with the limits of this file in place of built-in ones")
	fl.BoolVar(&f.demo, "unsafe-demo", false, "take results of any tier, and of demonstrations, and mark the file as fitted on a demonstration")
	_ = cmd.MarkFlagRequired("output")
	return cmd
}

// maxResultFile bounds one verify --json.
const maxResultFile = 64 << 20

func (f *calibrateFlags) calibrate(files []string) error {
	base, err := f.limits()
	if err != nil {
		return err
	}
	only, err := rules.ParseRules(f.only)
	if err != nil {
		return fmt.Errorf("--rules: %w", err)
	}
	if f.gpu != "" && !slices.ContainsFunc(catalogue.All(), func(g catalogue.GPU) bool { return g.Model == f.gpu }) {
		return fmt.Errorf("--gpu %q: no such model in the catalogue: write it as hallmark verify --json does in the inputs of R1, like \"H100 SXM5 80GB\"", f.gpu)
	}
	if err := willWrite(f.out); err != nil {
		return err
	}
	var records []rules.Record
	for _, path := range files {
		r, err := f.result(path)
		if err != nil {
			return err
		}
		records = append(records, *r)
	}
	if f.id == "" {
		f.id = filepath.Base(f.out) // not the folders of this machine: results state it
	}
	c, err := rules.Fit(records, rules.FitOptions{Base: base, ID: f.id, Rules: only, Scope: rules.Scope{GPU: f.gpu, Model: f.model}, Demo: f.demo})
	if err != nil {
		return err
	}
	b, err := rules.MarshalCalibration(c)
	if err != nil {
		return err
	}
	if err := writeFile(f.out, b, 0o644); err != nil {
		return err
	}
	for _, l := range c.Limits {
		fmt.Printf("%s.%s %s %.4g %s: %s; %d of %d flagged\n", l.Rule, l.Name, l.Bad, l.Value, l.Unit, l.Source, l.Honest.Flagged, l.Honest.Nodes)
	}
	fmt.Fprintf(os.Stderr, "hallmark: wrote %d limits to %s, of %d results\n", len(c.Limits), f.out, len(records))
	return nil
}

// result reads a verify --json.
func (f *calibrateFlags) result(path string) (*rules.Record, error) {
	b, err := readFile(path, maxResultFile)
	if err != nil {
		return nil, err
	}
	var r struct {
		Node  string               `json:"node"`
		Tier  verify.Tier          `json:"tier"`
		Asked verify.Tier          `json:"asked"` // verify --json has it, crosscheck --json does not
		Demo  bool                 `json:"demo"`
		Rules []verify.RuleOutcome `json:"rules"`
	}
	if err := json.Unmarshal(b, &r); err != nil || r.Node == "" || r.Asked == "" || r.Rules == nil {
		return nil, unlike(path, b, errors.Join(fmt.Errorf("%s is no result: make one with hallmark verify --json", path), err))
	}
	if !f.demo && (r.Tier == verify.TierNone || r.Tier == verify.TierCommunity) {
		return nil, fmt.Errorf("%s: %s reached %s: limits are fitted on nodes of tier verified or above", path, r.Node, r.Tier)
	}
	if !f.demo && r.Demo {
		return nil, fmt.Errorf("%s: %s was enrolled under a demonstration authority: --unsafe-demo takes it, and marks the limits", path, r.Node)
	}
	return &rules.Record{Node: r.Node, Outcomes: r.Rules}, nil
}
