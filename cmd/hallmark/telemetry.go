package main

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/client"
)

type historyFlags struct {
	key, node, with, out string
	last                 time.Duration
	first, lastIndex     uint64
	timeout              time.Duration
	demoRootsUnsafe      bool
	td                   tdFlags
}

// The limits of a history, as help and messages say them.
var (
	maxTrail   = strconv.Itoa(telemetry.MaxTrail)
	maxHistory = strconv.Itoa(telemetry.MaxHistory>>20) + " MiB"
)

func telemetryCommand() *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use:   "telemetry URL --key validator.key --node node.json --with answer.hm -o history.hmt",
		Short: "Fetch stored telemetry and hold it against a quoted head",
		Long: `Asks a node for records of its telemetry from before an answer that you hold, and
checks that they lead to the head that the answer's quote fixed, and that each
anchor is a quote by the node's attestation key. The file holds what was checked;
hallmark inspect --telemetry shows it. What the records say is the node's word;
that it has not changed since the quote is shown.

--last counts back from the answer by the interval that the chain states;
--first and --last-index name records. From the last one to the quoted one only
digests are fetched, ` + maxTrail + ` at most. All of a history is ` + maxHistory + ` at most, half a
day of eight GPUs or more: fetch longer times in parts. Records that the node no
longer keeps, and those of chains before the quoted one, are not fetched.`,
		Example: `  hallmark telemetry https://gpu7.example:7443 --key validator.key --node gpu7.json --with answer.hm --last 1h -o gpu7.hmt
  hallmark inspect gpu7.hmt --telemetry --svg gpu7.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd.Flags().Changed); err != nil {
				return err
			}
			return f.fetch(cmd.Context(), args[0])
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.key, "key", "", "validator's private key (required)")
	fl.StringVar(&f.node, "node", "", "node record from hallmark enroll (required)")
	fl.StringVar(&f.with, "with", "", "answer of the node whose quoted head the records must lead to (required)")
	fl.StringVarP(&f.out, "output", "o", "", "file for the history (required)")
	fl.DurationVar(&f.last, "last", time.Hour, "how far back from the answer")
	fl.Uint64Var(&f.first, "first", 0, "in place of --last: first record wanted")
	fl.Uint64Var(&f.lastIndex, "last-index", 0, "with --first: last record wanted, at most "+maxTrail+" before the quoted one (default: that one)")
	fl.DurationVar(&f.timeout, "timeout", 5*time.Minute, "how long to wait for all of it")
	f.td.register(fl)
	fl.BoolVar(&f.demoRootsUnsafe, "unsafe-demo-roots", false, "believe nodes enrolled under a demonstration authority, whose keys anybody can have")
	for _, name := range []string{"key", "node", "with", "output"} {
		cmd.MarkFlagRequired(name)
	}
	return cmd
}

// check compares flags with each other, before anything is read or asked.
func (f *historyFlags) check(given func(string) bool) error {
	switch {
	case given("last") && (given("first") || given("last-index")):
		return errors.New("--last counts back from the answer, --first and --last-index name records: give --last alone, or --first with or without --last-index")
	case given("last-index") && !given("first"):
		return errors.New("--last-index goes with --first: the first record wanted; without both, --last says how far back")
	case given("first") && f.first == 0, given("last-index") && f.lastIndex == 0:
		return errors.New("--first and --last-index: records count from 1")
	case given("last-index") && f.lastIndex < f.first:
		return fmt.Errorf("--first %d --last-index %d: the last is before the first", f.first, f.lastIndex)
	case f.last <= 0:
		return fmt.Errorf("--last %s: want a time above zero", f.last)
	}
	return nil
}

func (f *historyFlags) fetch(ctx context.Context, url string) error {
	key, err := readPrivateKey(f.key)
	if err != nil {
		return err
	}
	if err := willWrite(f.out); err != nil {
		return err
	}
	answer, err := f.answer(key)
	if err != nil {
		return err
	}
	head, claims := answer.Telemetry()
	if claims == nil {
		return fmt.Errorf("%s: its evidence states no telemetry", f.with)
	}
	records, err := f.records(head, claims)
	if err != nil {
		return err
	}
	c, err := client.New(url, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	h, err := c.History(ctx, key, answer.Node(), records, func(last uint64) {
		fmt.Fprintf(os.Stderr, "hallmark: record %d of %d to %d\n", min(last, records.Last), records.First, records.Last)
	})
	if err != nil {
		return explainRefusal(err)
	}
	checked, err := answer.CheckHistory(h)
	if err != nil {
		return fmt.Errorf("what the node sent does not lead to the head quoted in %s: %w", f.with, err)
	}
	if checked.First > records.First {
		fmt.Fprintf(os.Stderr, "hallmark: records before %d are not kept any more\n", checked.First)
	}
	b, err := attest.Marshal(h)
	if err != nil {
		return err
	}
	if _, err := telemetry.ParseHistory(b); err != nil {
		return err
	}
	if err := writeFile(f.out, b, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "hallmark: wrote %s (%d bytes): records %d to %d lead to the quoted head, record %d; %d anchors are quotes by the node's key\n",
		f.out, len(b), checked.First, checked.Last, head.Index, checked.Anchors)
	return nil
}

func (f *historyFlags) answer(key *ecdsa.PrivateKey) (*verify.Beside, error) {
	node, err := readNode(f.node)
	if err != nil {
		return nil, err
	}
	td, err := f.td.read()
	if err != nil {
		return nil, err
	}
	policy, err := verify.DefaultPolicy()
	if err != nil {
		return nil, err
	}
	v, err := verify.New(verify.Endorsements{Validator: &key.PublicKey, Node: node, AcceptDemoRootsUnsafe: f.demoRootsUnsafe, TD: td}, nil, policy)
	if err != nil {
		return nil, err
	}
	b, err := readFile(f.with, attest.MaxRecordSize)
	if err != nil {
		return nil, err
	}
	answer, err := v.Beside(b, verify.Options{At: time.Now()})
	if err != nil {
		return nil, notBeside(f.with, b, err)
	}
	return answer, nil
}

// records are those asked for, of the quoted chain.
func (f *historyFlags) records(head telemetry.Head, c *telemetry.Claims) (client.Records, error) {
	out := client.Records{Head: head, First: f.first, Last: head.Index}
	switch {
	case head.Index == 0:
		return out, errors.New("the chain had no record yet when it was quoted")
	case f.lastIndex > head.Index || f.first > head.Index:
		return out, fmt.Errorf("the answer fixes records up to %d: those behind it need a later answer", head.Index)
	case f.lastIndex != 0 && head.Index-f.lastIndex > telemetry.MaxTrail:
		return out, fmt.Errorf("--last-index %d: only the last %s records before the quoted one, record %d, are shown to lead there by their digests: leave it out, name a later one, or give an earlier answer", f.lastIndex, maxTrail, head.Index)
	case f.lastIndex != 0:
		out.Last = f.lastIndex
	}
	if out.First == 0 {
		g, err := telemetry.ParseGenesis(c.Genesis)
		if err != nil {
			return out, err
		}
		n := uint64(f.last.Milliseconds()) / g.Interval
		out.First = head.Index - min(n, head.Index-1)
	}
	return out, nil
}
