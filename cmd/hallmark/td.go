package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/verify"
)

// tdFlags say what is believed about trust domains.
type tdFlags struct {
	collateral, policy, rootsUnsafe string
}

func (f *tdFlags) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.collateral, "collateral", "", "folder of TDX collateral: dcap-qvl's JSON, or answers of Intel's service or a PCCS")
	fl.StringVar(&f.policy, "td-policy", "", "what is accepted of a trust domain: measurements, attributes, TCB, known platforms (JSON)")
	fl.StringVar(&f.rootsUnsafe, "unsafe-tdx-roots", "", "folder of roots in place of Intel's: a simulator's, whose keys anybody can have")
}

func (f *tdFlags) read() (e verify.TDEndorsements, err error) {
	if f.collateral != "" {
		if e.Collateral, err = collateral.ReadDir(os.DirFS(f.collateral)); err != nil {
			return e, fmt.Errorf("--collateral %s: %w", f.collateral, err)
		}
		if len(e.Collateral) == 0 {
			return e, fmt.Errorf("--collateral %s: no collateral in this folder: want dcap-qvl's .json, or the answers of Intel's service or a PCCS, as docs/tdx.md names them", f.collateral)
		}
	}
	if f.policy != "" {
		b, err := readFile(f.policy, verify.MaxPolicySize)
		if err != nil {
			return e, err
		}
		if e.Policy, err = verify.ParseTDPolicy(b); err != nil {
			return e, unlike("--td-policy "+f.policy, b, fmt.Errorf("--td-policy %s: %w", f.policy, err), sortPolicy)
		}
	}
	if f.rootsUnsafe != "" {
		if e.RootsUnsafe, err = readPool(f.rootsUnsafe); err != nil {
			return e, fmt.Errorf("--unsafe-tdx-roots %s: %w", f.rootsUnsafe, err)
		}
	}
	return e, nil
}

// maxRoot bounds one certificate file.
const maxRoot = 64 << 10

// readPool reads the PEM certificates of a folder.
func readPool(dir string) (*x509.CertPool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.pem"))
	if err != nil {
		return nil, err
	}
	pool, n := x509.NewCertPool(), 0
	for _, name := range files {
		b, err := readFile(name, maxRoot)
		if err != nil {
			return nil, err
		}
		for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			pool.AddCert(cert)
			n++
		}
	}
	if n == 0 {
		return nil, errors.New("no certificate in its .pem files")
	}
	return pool, nil
}
