package main

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify"
)

func referenceCommand() *cobra.Command {
	return group("reference", "Make reference files", referenceCreateCommand())
}

type referenceFlags struct {
	key, out, name, role string
	validator, node      string
	signature            string
	publisherKey         string
	demoRootsUnsafe      bool
}

func referenceCreateCommand() *cobra.Command {
	var f referenceFlags
	cmd := &cobra.Command{
		Use:   "create PATH|answer.hm -o FILE",
		Short: "Make a reference file of a model, a program, or a verified answer",
		Long: `Measures a model directory or file on this machine, or takes what a node you trust
stated about its own models and programs, how it booted and which files its kernel
measured, and writes a reference file.

The reference of a model holds its manifest's digest, its files where they are
few, the census of its headers, and with --signature who signed it.

With --role PATH is one program or library instead of a model. From an answer the
record is verified first (give --node or --validator) and must reach community;
then whatever it states becomes the reference: do this only with your own node.

Signed with --key, the file is that key's word and verify --reference-key asks
for it. Unsigned, it is the word of whoever names it on the command line.`,
		Example: `  hallmark reference create /srv/models/llama-3.1-8b --name llama-3.1-8b -o llama.json
  hallmark reference create /usr/bin/llama-server --role engine --key validator.key -o engine.json
  hallmark reference create answer.hm --node mynode.json -o mynode-reference.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return createReference(cmd.Context(), args[0], f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.key, "key", "", "private key to sign with")
	fl.StringVarP(&f.out, "output", "o", "", "file to write (required)")
	fl.StringVar(&f.name, "name", "", "name of the model as nodes declare it, or of the program (default: base name)")
	fl.StringVar(&f.role, "role", "", "PATH is a program: engine, library, agent, probe or nvml")
	fl.StringVar(&f.signature, "signature", "", "the model's OpenSSF Model Signing bundle, by key: files that it does not cover are an error")
	fl.StringVar(&f.publisherKey, "publisher-key", "", "the publisher's public key (PEM) for --signature")
	fl.StringVar(&f.validator, "validator", "", "public key of the validator that made the answer")
	fl.StringVar(&f.node, "node", "", "node record of the answer")
	fl.BoolVar(&f.demoRootsUnsafe, "unsafe-demo-roots", false, "believe a node enrolled under a demonstration authority")
	cmd.MarkFlagRequired("output")
	return cmd
}

func createReference(ctx context.Context, path string, f referenceFlags) error {
	var key *ecdsa.PrivateKey
	var err error
	if f.key != "" {
		if key, err = readPrivateKey(f.key); err != nil {
			return err
		}
	}
	ref, err := f.measure(ctx, path)
	if err != nil {
		return err
	}
	ref.Created = uint64(time.Now().UnixMilli())
	b, err := verify.MarshalReference(key, *ref)
	if err != nil {
		return err
	}
	if err := writeFile(f.out, append(b, '\n'), 0o644); err != nil {
		return err
	}
	for _, m := range ref.Models {
		fmt.Printf("model\t%s\t%s\n", m.Name, m.Digest)
	}
	for _, e := range ref.Executables {
		fmt.Printf("%s\t%s\t%s\n", e.Role, e.Name, e.File.FSVerity)
	}
	for _, b := range ref.Boots {
		policy := "registers and policy"
		if b.Policy == nil {
			policy = "registers alone: Secure Boot is off, or a part of the log cannot be read"
		}
		fmt.Printf("boot\t%s\t%s\n", b.Name, policy)
	}
	if n := len(ref.Measured); n > 0 {
		fmt.Printf("measured\t%d files\n", n)
	}
	if key == nil {
		fmt.Fprintf(os.Stderr, "hallmark: %s is unsigned: it is the word of whoever names it; sign it with --key\n", f.out)
	}
	return nil
}

// measure takes what PATH is: an answer, a program, or a model.
func (f *referenceFlags) measure(ctx context.Context, path string) (*attest.Reference, error) {
	if f.node != "" || f.validator != "" {
		return f.fromAnswer(path)
	}
	if filepath.Ext(path) == ".hm" {
		return nil, errors.New("a record becomes a reference only after it verified: give --node or --validator")
	}
	if f.role != "" {
		return f.fromProgram(ctx, path)
	}
	return f.fromModel(ctx, path)
}

func (f *referenceFlags) fromAnswer(path string) (*attest.Reference, error) {
	vf := verifyFlags{validator: f.validator, node: f.node, tier: string(verify.TierCommunity), demoRootsUnsafe: f.demoRootsUnsafe}
	v, err := vf.verifier()
	if err != nil {
		return nil, err
	}
	o, err := vf.options()
	if err != nil {
		return nil, err
	}
	record, err := readFile(path, attest.MaxRecordSize)
	if err != nil {
		return nil, err
	}
	ref, err := v.ReferenceOf(record, o)
	if err != nil {
		return nil, unlike(path, record, fmt.Errorf("%s: %w", path, err), sortRecord)
	}
	return ref, nil
}

func readReferences(files []string, keyFile string) (*verify.References, error) {
	var key *ecdsa.PublicKey
	var err error
	if keyFile != "" {
		if key, err = readPublicKey(keyFile); err != nil {
			return nil, err
		}
	}
	refs := &verify.References{}
	for _, name := range files {
		b, err := readFile(name, 4*attest.MaxReferenceSize)
		if err != nil {
			return nil, err
		}
		if err := refs.Add(b, key); err != nil {
			return nil, unlike(name, b, fmt.Errorf("%s: %w", name, err), sortReference)
		}
	}
	return refs, nil
}
