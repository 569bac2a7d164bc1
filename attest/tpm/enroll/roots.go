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
	Skipped              []error  // certificates and lists Go cannot read; their vendor's EKs will not chain, or not be checked
	count                int
	lists                []*list
}

// LoadRoots reads all certificates (.pem, .crt, .cer, .der) below a directory: self-issued ones are roots, others
// intermediates; and revocation lists (.crl, or PEM). A private key among them is refused: the directory then is not what
// the operator thinks.
func LoadRoots(dir fs.FS) (*Roots, error) {
	r := &Roots{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	err := walk(dir, func(name string) error { return r.file(dir, name, true) })
	if err == nil && len(r.Names) == 0 {
		err = ErrNoRoots
	}
	if err != nil {
		return nil, fmt.Errorf("ek roots: %w", err)
	}
	slices.Sort(r.Names)
	return r, nil
}

// ErrNoCRLs says that a directory holds no revocation list.
var ErrNoCRLs = errors.New("no revocation list")

// AddCRLs reads the revocation lists (.crl, or PEM) below a directory. Certificates there are not taken: whoever may write lists
// may not write roots.
func (r *Roots) AddCRLs(dir fs.FS) error {
	had := len(r.lists)
	err := walk(dir, func(name string) error { return r.file(dir, name, false) })
	if err == nil && len(r.lists) == had {
		err = ErrNoCRLs
	}
	if err != nil {
		return fmt.Errorf("ek revocation lists: %w", err)
	}
	return nil
}

func walk(dir fs.FS, file func(name string) error) error {
	files := 0
	return fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !certificateFile(name) {
			return err
		}
		if files++; files > MaxRootFiles {
			return fmt.Errorf("more than %d files", MaxRootFiles)
		}
		return file(name)
	})
}

func extension(name string) string { return strings.ToLower(path.Ext(name)) }

func certificateFile(name string) bool {
	return slices.Contains([]string{".pem", ".crt", ".cer", ".der", ".crl"}, extension(name))
}

// file reads one file; without certificates only the lists in it.
func (r *Roots) file(dir fs.FS, name string, certificates bool) error {
	info, err := fs.Stat(dir, name)
	if err != nil {
		return err
	}
	limit := int64(MaxRootFileSize)
	if isCRL(name) {
		limit = MaxCRLFileSize
	}
	if info.Size() > limit {
		return fmt.Errorf("%s: %d bytes, limit %d", name, info.Size(), limit)
	}
	b, err := fs.ReadFile(dir, name)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(b, []byte{0x30}) {
		return r.add(name, b, isCRL(name), certificates)
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
		if block.Type != "CERTIFICATE" && block.Type != "X509 CRL" {
			continue
		}
		if err := r.add(name, block.Bytes, block.Type == "X509 CRL", certificates); err != nil {
			return err
		}
	}
}

func (r *Roots) add(name string, der []byte, crl, certificates bool) error {
	if crl {
		return r.addCRL(name, der)
	}
	if !certificates {
		return nil
	}
	if r.count++; r.count > MaxRoots {
		return fmt.Errorf("%s: more than %d certificates", name, MaxRoots)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		r.Skipped = append(r.Skipped, fmt.Errorf("%s: %w", name, unreadable(err)))
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
