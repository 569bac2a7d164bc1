package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/client"
	"github.com/hallmark-attest/hallmark/verify/history"
)

type challengeFlags struct {
	key, node, out string
	stored         string
	history        string
	kinds, logs    []string
	blocks         uint32
	models, refs   []string
	window         time.Duration
	since          string
	timeout        time.Duration
}

func challengeCommand() *cobra.Command {
	var f challengeFlags
	cmd := &cobra.Command{
		Use:   "challenge URL --key validator.key --node node.json -o answer.hm",
		Short: "Ask a node for evidence and write down the answer",
		Long: `Sends a fresh, signed challenge to the node's agent and writes a record of what
was asked, when, over which connection, and what came back. The record is signed
by the validator's key. It judges nothing: see hallmark verify.

Without --node the node is addressed by the name it gives itself.

With --blocks the node must prove blocks of 4096 bytes of the weights that the
challenge's nonce picks. Proved, they mean that its agent could obtain these bytes
in that time, and nothing more.

With --window the node sends its telemetry of that time before the quote beside the
evidence, at most 15 minutes; with --since all records since an earlier answer. The
latter, judged with verify --with, shows what lies between the two; that the earlier
one had a window shows how it was before it was asked (rule C2).

Either comes whole or not at all: at most 3 MiB and 1024 chunks of a minute. Of eight
GPUs read once a second that is about 3 hours where loads move all the time and 7
where they stand still (simulated GPUs). Ask again sooner than that; what is older is
fetched by hallmark telemetry, and brackets nothing.`,
		Example: `  hallmark challenge https://gpu7.example:7443 --key validator.key --node gpu7.json --window 1m -o answer.hm
  hallmark challenge https://gpu7.example:7443 --key validator.key --node gpu7.json --blocks 8 --reference models.json -o answer.hm
  hallmark verify answer.hm --node gpu7.json --reference models.json
  hallmark challenge https://gpu7.example:7443 --key validator.key --node gpu7.json --since answer.hm -o later.hm
  hallmark verify later.hm --node gpu7.json --with answer.hm`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return challenge(cmd.Context(), args[0], f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.key, "key", "", "validator's private key (required)")
	fl.StringVar(&f.node, "node", "", "node record from hallmark enroll")
	fl.StringVarP(&f.out, "output", "o", "", "file for the record (required)")
	fl.StringVar(&f.stored, "store-challenge", "", "also keep the signed challenge here, for verify --challenge when records pass through other hands")
	fl.StringSliceVar(&f.kinds, "kinds", []string{"engine", "gpu", "host", "telemetry", "tpm"}, "wanted kinds; tdx is added for a node whose record pins a TD, telemetry with --window and --since")
	fl.StringSliceVar(&f.logs, "logs", []string{"boot", "ccel", "cel", "ima", "rtmr"}, "wanted logs, or none")
	fl.Uint32Var(&f.blocks, "blocks", 0, "how many blocks of each model's weights the node must prove, which the nonce picks; at most 32 together")
	fl.StringSliceVar(&f.models, "models", nil, "the models that --blocks is about, by manifest digest")
	fl.StringSliceVar(&f.refs, "reference", nil, "reference files whose models --blocks is about")
	fl.DurationVar(&f.window, "window", 0, "also ask for the telemetry of this time before the quote, up to 15m")
	fl.StringVar(&f.since, "since", "", "also ask for all telemetry since this earlier record of the node")
	fl.StringVar(&f.history, "history", "", "directory of verify --history: logs are asked for from where the kept ones end (needs --node)")
	fl.DurationVar(&f.timeout, "timeout", 60*time.Second, "how long to wait for the answer")
	cmd.MarkFlagRequired("key")
	cmd.MarkFlagRequired("output")
	return cmd
}

func challenge(ctx context.Context, url string, f challengeFlags) error {
	kinds, err := parseKinds(f.kinds)
	if err != nil {
		return err
	}
	logs, err := parseLogs(f.logs)
	if err != nil {
		return err
	}
	blocks, err := blockRequests(f.blocks, f.models, f.refs)
	if err != nil {
		return err
	}
	window, of, err := f.windowRequest()
	if err != nil {
		return err
	}
	if window != nil && !slices.Contains(kinds, attest.KindTelemetry) {
		kinds = append(kinds, attest.KindTelemetry)
	}
	key, err := readPrivateKey(f.key)
	if err != nil {
		return err
	}
	if err := willWrite(f.out); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	c, err := client.New(url, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	audience, td, err := audienceOf(ctx, c, f.node)
	if err != nil {
		return err
	}
	if td && !slices.Contains(kinds, attest.KindTDX) {
		kinds = append(kinds, attest.KindTDX)
	}
	if f.since != "" && of != audience {
		return fmt.Errorf("--since: %s is an answer of node %s, not of %s", f.since, of.Short(), audience.Short())
	}
	if f.history != "" {
		if f.node == "" {
			return errors.New("--history needs --node: what is kept belongs to an enrolled name")
		}
		store, err := history.Open(f.history)
		if err != nil {
			return err
		}
		if logs, err = store.Offsets(audience, logs); err != nil {
			return err
		}
	}
	record, signed, err := c.Ask(ctx, key, audience, client.Question{Kinds: kinds, Logs: logs, Blocks: blocks, Window: window})
	if err != nil {
		return explainRefusal(err)
	}
	if f.stored != "" {
		if err := writeFile(f.stored, signed, 0o644); err != nil {
			return err
		}
	}
	if err := writeFile(f.out, record, 0o644); err != nil {
		return err
	}
	if window != nil {
		if _, _, err := verify.TelemetrySource(record); err != nil {
			warn(fmt.Errorf("%w; what a node stored is to be had with hallmark telemetry, and brackets nothing", err))
		}
	}
	fmt.Fprintf(os.Stderr, "hallmark: wrote %s (%d bytes) from node %s; judge it with: hallmark verify %s\n", f.out, len(record), audience.Short(), f.out)
	return nil
}

// audienceOf is the node record's name, or the name the node gives itself; and whether the record pins a TD.
func audienceOf(ctx context.Context, c *client.Client, nodeFile string) (ueid attest.UEID, td bool, err error) {
	if nodeFile != "" {
		b, err := readNode(nodeFile)
		if err != nil {
			return ueid, false, err
		}
		n, err := verify.OpenNode(b)
		if err != nil {
			return ueid, false, fmt.Errorf("%s: %w", nodeFile, err)
		}
		return n.Node.UEID, n.Node.TD != nil, nil
	}
	id, _, err := c.Identity(ctx)
	if err != nil {
		return ueid, false, err
	}
	ueid, err = attest.ParseUEID(id.UEID)
	return ueid, false, err
}

func parseKinds(in []string) ([]attest.Kind, error) {
	var out []attest.Kind
	for _, s := range in {
		k := attest.Kind(s)
		if !k.Known() {
			return nil, fmt.Errorf("unknown kind %q, want some of %v", s, slices.Concat(attest.Built(), attest.Reserved()))
		}
		if !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out, nil
}

// parseLogs asks for the named logs from their first byte.
func parseLogs(in []string) (*attest.Logs, error) {
	whole, out := client.WholeLogs(), &attest.Logs{}
	for _, s := range in {
		switch s {
		case attest.LogBoot:
			out.Boot = whole.Boot
		case attest.LogIMA:
			out.IMA = whole.IMA
		case attest.LogCEL:
			out.CEL = whole.CEL
		case attest.LogCCEL:
			out.CCEL = whole.CCEL
		case attest.LogRTMR:
			out.RTMR = whole.RTMR
		case "none":
			if len(in) == 1 {
				return nil, nil
			}
			return nil, errors.New("--logs: none stands alone")
		default:
			return nil, fmt.Errorf("unknown log %q, want some of %v, or none", s, attest.LogNames())
		}
	}
	return out, nil
}

// explainRefusal adds what to do about the refusals a validator meets most.
func explainRefusal(err error) error {
	var p *client.ProblemError
	if !errors.As(err, &p) {
		return err
	}
	fix := map[string]string{
		attest.ProblemUnknownKey:  "the provider must put your .pub file into /etc/hallmark/validators.d/ and reload the agent",
		attest.ProblemAudience:    "the node's name changed: enroll it again",
		attest.ProblemNotYet:      "compare the clocks of both machines",
		attest.ProblemExpired:     "compare the clocks of both machines",
		attest.ProblemProfile:     "the agent speaks another format version: update the older side",
		attest.ProblemUnavailable: "the provider finds the reason in the agent's log: journalctl -u hallmark-agent",
	}
	for name, text := range fix {
		if p.Problem.Type == attest.ProblemBase+name {
			return fmt.Errorf("%w\n  fix: %s", err, text)
		}
	}
	return err
}
