package enroll

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Limits on a directory of roots. The largest public collection has some 170 certificates.
const (
	MaxRootFiles    = 4096
	MaxRootFileSize = 1 << 20
	MaxRoots        = 4096
)

// ErrNoRoots says that a directory holds no root certificate.
var ErrNoRoots = errors.New("no root certificate")

// Roots are the vendors and operators whose word about an EK is taken.
type Roots struct {
	Roots, Intermediates *x509.CertPool
	Names                []string // of the roots, for people
	Skipped              []error  // certificates Go cannot read; their vendor's EKs will not chain
	count                int
}

// LoadRoots reads all certificates (.pem, .crt, .cer, .der) below a directory: self-issued ones are roots, others
// intermediates. A private key among them is refused: the directory then is not what the operator thinks.
func LoadRoots(dir fs.FS) (*Roots, error) {
	r := &Roots{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	files := 0
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !certificateFile(name) {
			return err
		}
		if files++; files > MaxRootFiles {
			return fmt.Errorf("more than %d files", MaxRootFiles)
		}
		return r.file(dir, name)
	})
	if err == nil && len(r.Names) == 0 {
		err = ErrNoRoots
	}
	if err != nil {
		return nil, fmt.Errorf("ek roots: %w", err)
	}
	slices.Sort(r.Names)
	return r, nil
}

func certificateFile(name string) bool {
	return slices.Contains([]string{".pem", ".crt", ".cer", ".der"}, strings.ToLower(path.Ext(name)))
}

func (r *Roots) file(dir fs.FS, name string) error {
	info, err := fs.Stat(dir, name)
	if err != nil {
		return err
	}
	if info.Size() > MaxRootFileSize {
		return fmt.Errorf("%s: %d bytes, limit %d", name, info.Size(), MaxRootFileSize)
	}
	b, err := fs.ReadFile(dir, name)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(b, []byte{0x30}) {
		return r.add(name, b)
	}
	for {
		block, rest := pem.Decode(b)
		if block == nil {
			return nil
		}
		b = rest
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return fmt.Errorf("%s: a private key lies among the roots", name)
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if err := r.add(name, block.Bytes); err != nil {
			return err
		}
	}
}

func (r *Roots) add(name string, der []byte) error {
	if r.count++; r.count > MaxRoots {
		return fmt.Errorf("%s: more than %d certificates", name, MaxRoots)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		r.Skipped = append(r.Skipped, fmt.Errorf("%s: %w", name, err))
		return nil
	}
	if bytes.Equal(c.RawIssuer, c.RawSubject) {
		r.Roots.AddCert(c)
		r.Names = append(r.Names, c.Subject.String())
		return nil
	}
	r.Intermediates.AddCert(c)
	return nil
}
