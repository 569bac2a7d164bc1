package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

func keygenCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "keygen -o validator.key",
		Short: "Make a validator key",
		Long: `Makes a P-256 key. The private key goes to the named file (PKCS#8 PEM, mode
0600), the public key beside it with the ending .pub (SPKI PEM). Give the .pub
file to providers, who put it into /etc/hallmark/validators.d/.`,
		Example: "  hallmark keygen -o validator.key",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return keygen(out) },
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file for the private key (required)")
	cmd.MarkFlagRequired("output")
	return cmd
}

func keygen(out string) error {
	for _, p := range []string{out, out + ".pub"} {
		if _, err := os.Lstat(p); err == nil {
			return fmt.Errorf("%s exists; a lost validator key cannot be made again, so nothing is overwritten: choose another name or move it away", p)
		}
	}
	key, err := sign.GenerateKey()
	if err != nil {
		return err
	}
	priv, err := sign.MarshalPrivateKey(key)
	if err != nil {
		return err
	}
	pub, err := sign.MarshalPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	if err := writeFile(out, priv, 0o600); err != nil {
		return err
	}
	if err := writeFile(out+".pub", pub, 0o644); err != nil {
		return err
	}
	d, err := attest.KeyDigest(&key.PublicKey)
	if err != nil {
		return err
	}
	fmt.Println(d)
	fmt.Fprintf(os.Stderr, "hallmark: wrote %s (keep it secret) and %s.pub (give it to providers)\n", out, out)
	return nil
}
