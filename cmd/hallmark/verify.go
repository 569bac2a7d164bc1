package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify"
)

type verifyFlags struct {
	validator, node string
	references      []string
	referenceKey    string
	policies        []string
	at              string
	maxAge          time.Duration
	tier            string
	stored          string
	history, key    string
	with            []string
	asJSON, all     bool
	demoRootsUnsafe bool
	td              tdFlags
	rules           ruleFlags
}

func verifyCommand() *cobra.Command {
	f := verifyFlags{tier: string(verify.TierVerified)}
	cmd := &cobra.Command{
		Use:   "verify answer.hm [--node node.json] [--validator validator.key.pub]",
		Short: "Judge a record: findings, reasons, tier",
		Long: `Judges a record offline. With --node alone the record must be by the key that
enrolled the node, whose fingerprint is printed; with --validator both must be by
that key. Without --node nothing above community can be reached.

The tier asked for is verified unless --tier says otherwise. What spans time, such
as the TPM's clock going back, is judged with --history; with --key too, this
verdict is added to it. With --with, an earlier answer of the node, the telemetry
between both is judged: ask for it with hallmark challenge --since. With --stats,
evidence is held against statistical results; hallmark crosscheck shows every rule.

A trust domain (TDX) is judged with --collateral, and by --td-policy; without the
latter any image is accepted. docs/tdx.md says which files a folder of collateral
has, docs/kinds/tdx.md how a policy is written. Nothing is fetched.

Exit status: 0 accepted at the tier asked for, 1 judged and not accepted, 2 could not judge.`,
		Example: `  hallmark verify answer.hm --node node.json --reference models.json --tier community
  hallmark verify answer.hm --node node.json --json | jq .findings
  hallmark verify later.hm --node node.json --with answer.hm --json | jq .telemetry
  hallmark verify answer.hm --node td3.json --collateral collateral/ --td-policy image.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return verifyRecord(args[0], f) },
	}
	f.register(cmd.Flags())
	cmd.Flags().StringVar(&f.tier, "tier", f.tier, "tier that decides the exit status: "+tierNames())
	return cmd
}

// register adds the flags that verify and crosscheck share.
func (f *verifyFlags) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.validator, "validator", "", "public key of the validator that made the record")
	fl.StringVar(&f.node, "node", "", "node record from hallmark enroll")
	fl.StringArrayVar(&f.references, "reference", nil, "reference file; may be repeated")
	fl.StringVar(&f.referenceKey, "reference-key", "", "public key that must have signed every reference file")
	fl.StringArrayVar(&f.policies, "policy", nil, "tier policy file in place of the built-in one; may be repeated")
	fl.StringVar(&f.at, "at", "", "judge age as of this time (RFC 3339; default now)")
	fl.DurationVar(&f.maxAge, "max-age", 0, "refuse records older than this (default: any age)")
	fl.StringVar(&f.stored, "challenge", "", "the signed challenge a live validator stored when it asked")
	fl.StringVar(&f.history, "history", "", "directory of earlier verdicts and logs, one for all your nodes: for what spans time, and GPUs that two nodes state")
	fl.StringArrayVar(&f.with, "with", nil, "another record of the node, to judge the telemetry between both; may be repeated")
	fl.StringVar(&f.key, "key", "", "with --history: the validator's private key; the verdict is signed and added")
	fl.BoolVar(&f.asJSON, "json", false, "print JSON")
	fl.BoolVar(&f.all, "all", false, "also print what is in order")
	f.td.register(fl)
	fl.BoolVar(&f.demoRootsUnsafe, "unsafe-demo-roots", false, "believe nodes enrolled under a demonstration authority, whose keys anybody can have")
	f.rules.register(fl)
}

func tierNames() string {
	var s []string
	for _, t := range verify.Tiers() {
		s = append(s, string(t))
	}
	return strings.Join(s, ", ")
}

func verifyRecord(path string, f verifyFlags) error {
	r, err := f.judge(path)
	if err != nil {
		return err
	}
	if err := printResult(r, f); err != nil {
		return err
	}
	if !r.Accepted {
		return errRefused
	}
	return nil
}

// judge verifies the record of that name with everything the flags give, and keeps the verdict where they ask for it.
func (f *verifyFlags) judge(path string) (*verify.Result, error) {
	v, err := f.verifier()
	if err != nil {
		return nil, err
	}
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	if err := f.rules.apply(&o, v.Key()); err != nil {
		return nil, err
	}
	record, err := readFile(path, attest.MaxRecordSize)
	if err != nil {
		return nil, err
	}
	store, err := f.openHistory(v, path, record, &o)
	if err != nil {
		return nil, err
	}
	if err := f.beside(v, &o); err != nil {
		return nil, err
	}
	r, err := v.Verify(record, o)
	if err != nil {
		return nil, unlike(path, record, fmt.Errorf("%s: %w", path, err), sortRecord)
	}
	if store != nil && f.key != "" {
		if err := f.appendHistory(store, v, r); err != nil {
			return nil, err
		}
	}
	if f.validator == "" {
		fmt.Fprintf(os.Stderr, "hallmark: believing the enroller of %s, key %s\n", f.node, r.Validator)
	}
	return r, nil
}

func (f *verifyFlags) verifier() (*verify.Verifier, error) {
	e := verify.Endorsements{AcceptDemoRootsUnsafe: f.demoRootsUnsafe}
	var err error
	if f.validator != "" {
		if e.Validator, err = readPublicKey(f.validator); err != nil {
			return nil, err
		}
	}
	if f.node != "" {
		if e.Node, err = readNode(f.node); err != nil {
			return nil, err
		}
	}
	if e.TD, err = f.td.read(); err != nil {
		return nil, err
	}
	refs, err := readReferences(f.references, f.referenceKey)
	if err != nil {
		return nil, err
	}
	policy, err := readPolicy(f.policies)
	if err != nil {
		return nil, err
	}
	return verify.New(e, refs, policy)
}

func (f *verifyFlags) options() (verify.Options, error) {
	o := verify.Options{At: time.Now(), MaxAge: f.maxAge, Asked: verify.Tier(f.tier)}
	var err error
	if f.at != "" {
		if o.At, err = time.Parse(time.RFC3339, f.at); err != nil {
			return o, fmt.Errorf("--at: %w; write it as 2026-11-22T10:00:00Z", err)
		}
	}
	if f.stored != "" {
		o.Stored, err = readFile(f.stored, attest.MaxRequestSize)
	}
	return o, err
}

func readPolicy(files []string) (verify.Policy, error) {
	p, err := verify.DefaultPolicy()
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		b, err := readFile(name, verify.MaxPolicySize)
		if err != nil {
			return nil, err
		}
		tp, err := verify.ParseTierPolicy(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		p[tp.Tier] = *tp
	}
	return p, nil
}

func printResult(r *verify.Result, f verifyFlags) error {
	if f.asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	printFindings(r, f.all)
	return nil
}
