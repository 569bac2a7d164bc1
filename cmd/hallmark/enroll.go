package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/client"
	"github.com/hallmark-attest/hallmark/verify/enroller"
)

type enrollFlags struct {
	key, out, roots, crls, demoRoots, accept, known string
	unlisted                                        bool
	td                                              tdFlags
	timeout                                         time.Duration
}

func enrollCommand() *cobra.Command {
	var f enrollFlags
	cmd := &cobra.Command{
		Use:   "enroll URL --key validator.key [--ek-roots DIR] -o node.json",
		Short: "Tie a node's attestation key to its TPM, once",
		Long: `Plays the privacy CA: checks how the node's attestation key was made, chooses an
endorsement key whose certificate chains to the roots in --ek-roots, and has the
TPM open a secret that only the holder of both keys can open. The result is a
node record, signed by the validator's key.

--ek-roots is a folder of PEM or DER certificates of the TPM vendors or operators
you trust; none is built in. Revocation lists (.crl, or PEM) beside them or in
--ek-crls are honoured; what no list speaks for is accepted and said.
--allow-unlisted-ek takes a key without certificate: its claims stay asserted.

A trust domain (TDX) without TPM is pinned by its platform and its persisted key,
which the TD's quote names: with --collateral unless the platform is revoked, with
--td-policy if TD and platform are accepted by it. How current the platform is, verify
judges. Any other host without TPM is pinned by its key alone, after you accept the
fingerprint.

--node is the node's earlier record: the same keys are activated anew, as after the
TPM was cleared, and any other is refused by name. The new record counts from now.

Exit status: 0 enrolled, 1 judged and refused, 2 could not judge.`,
		Example: `  hallmark enroll https://gpu7.example:7443 --key validator.key --ek-roots ek-roots/ -o gpu7.json
  hallmark enroll https://gpu7.example:7443 --key validator.key --ek-roots ek-roots/ --node gpu7.json -o gpu7-cleared.json
  hallmark enroll https://td3.example:7443 --key validator.key --collateral collateral/ -o td3.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return enrollNode(cmd.Context(), args[0], f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.key, "key", "", "validator's private key (required)")
	fl.StringVarP(&f.out, "output", "o", "", "file for the node record (required)")
	fl.StringVar(&f.roots, "ek-roots", "", "folder of trusted endorsement roots and intermediates")
	fl.StringVar(&f.crls, "ek-crls", "", "folder of revocation lists of the endorsement certificates' issuers")
	fl.StringVar(&f.known, "node", "", "the node's earlier record: activate the same keys anew, refuse others")
	fl.StringVar(&f.demoRoots, "unsafe-demo-roots", "", "folder of a demonstration authority's roots; the record is marked and verify refuses it without --unsafe-demo-roots")
	fl.BoolVar(&f.unlisted, "allow-unlisted-ek", false, "take an endorsement key without an accepted certificate")
	f.td.register(fl)
	fl.StringVar(&f.accept, "accept-key", "", "fingerprint of the key of a host without TPM")
	fl.DurationVar(&f.timeout, "timeout", 2*time.Minute, "how long to wait for the node")
	cmd.MarkFlagRequired("key")
	cmd.MarkFlagRequired("output")
	cmd.MarkFlagsMutuallyExclusive("ek-roots", "unsafe-demo-roots")
	return cmd
}

func enrollNode(ctx context.Context, url string, f enrollFlags) error {
	if _, err := os.Lstat(f.out); err == nil {
		return fmt.Errorf("%s exists; a node record pins a node's keys, so it is not overwritten: move it away to enroll again", f.out)
	}
	key, err := readPrivateKey(f.key)
	if err != nil {
		return err
	}
	if err := willWrite(f.out); err != nil {
		return err
	}
	o := enroller.Options{AllowUnlistedEK: f.unlisted, AcceptKey: f.acceptKey, RootsAreDemoUnsafe: f.demoRoots != "", Note: warn}
	if o.Roots, err = f.trusted(); err != nil {
		return err
	}
	if o.Known, err = f.earlier(key); err != nil {
		return err
	}
	if o.TD, err = f.td.read(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	c, err := client.New(url, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	node, err := enroller.Enroll(ctx, c, key, o)
	var refusal *enroller.Refusal
	if errors.As(err, &refusal) {
		fmt.Printf("REFUSED\t%s\t%s\n", refusal.Entry.ID, refusal.Entry.Sentence)
		complain("%v", refusal.Err)
		return errRefused
	} else if err != nil {
		return explainRefusal(err)
	}
	b, err := verify.MarshalNode(key, *node)
	if err != nil {
		return err
	}
	if err := writeFile(f.out, append(b, '\n'), 0o644); err != nil {
		return err
	}
	printEnrolled(node, f.out)
	return nil
}

func warn(err error) { fmt.Fprintf(os.Stderr, "hallmark: warning: %v\n", err) }

// trusted reads the roots and revocation lists, nil where none are given.
func (f *enrollFlags) trusted() (*enroll.Roots, error) {
	dir := f.roots + f.demoRoots
	if dir == "" {
		if f.crls != "" {
			return nil, errors.New("--ek-crls without --ek-roots: a revocation list needs the certificate of its issuer")
		}
		return nil, nil
	}
	r, err := enroll.LoadRoots(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if f.crls != "" {
		if err := r.AddCRLs(os.DirFS(f.crls)); err != nil {
			return nil, fmt.Errorf("%s: %w", f.crls, err)
		}
	}
	for _, s := range r.Skipped {
		warn(s)
	}
	return r, nil
}

// earlier reads the node's earlier record, which must be this validator's own: another's word would choose the keys.
func (f *enrollFlags) earlier(key *ecdsa.PrivateKey) (*attest.Node, error) {
	if f.known == "" {
		return nil, nil
	}
	b, err := readNode(f.known)
	if err != nil {
		return nil, err
	}
	n, err := verify.OpenNode(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.known, err)
	}
	if !n.Signer.Equal(&key.PublicKey) {
		return nil, fmt.Errorf("%s: signed by another key than %s", f.known, f.key)
	}
	return &n.Node, nil
}

func printEnrolled(n *attest.Node, out string) {
	fmt.Printf("node\t%s\ntrust\t%s\n", n.UEID, n.Trust)
	if n.TPM != nil {
		fmt.Printf("tpm\t%s %s %s (%s), endorsement key %s %s\n", n.TPM.Manufacturer, n.TPM.Model, n.TPM.Firmware, n.TPM.Class, n.TPM.EKTemplate, n.TPM.EK.Short())
	}
	if n.TD != nil {
		fmt.Printf("td\tplatform %s, FMSPC %s\n", n.TD.PPID.Short(), n.TD.FMSPC)
	}
	fmt.Fprintf(os.Stderr, "hallmark: wrote %s\n", out)
	if n.Trust == attest.TrustUnlisted {
		fmt.Fprintln(os.Stderr, "hallmark: warning: the endorsement key has no accepted certificate; the node's TPM claims stay asserted")
	}
}

// acceptKey compares with --accept-key, or asks on a terminal.
func (f *enrollFlags) acceptKey(fingerprint attest.Digest) bool {
	if f.accept != "" {
		return strings.EqualFold(f.accept, fingerprint.String())
	}
	if st, err := os.Stdin.Stat(); err != nil || st.Mode()&os.ModeCharDevice == 0 {
		fmt.Fprintf(os.Stderr, "hallmark: the host has no TPM; compare the fingerprint with the provider's and give --accept-key %s\n", fingerprint)
		return false
	}
	fmt.Fprintf(os.Stderr, "The host has no TPM. Its node key has the fingerprint\n  %s\nDoes the provider say the same? Type yes to pin it: ", fingerprint)
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	return strings.TrimSpace(line) == "yes"
}
