package collateral

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// ReadDir reads a directory of collateral. Each file says by its content what it is, and by name which chain belongs to it:
//
//	NAME.json with nine members         a whole set, the form of Parse
//	NAME.json {"tcbInfo", "signature"}          an answer of Intel's service or a PCCS; its issuer chain header in NAME.chain.pem
//	NAME.json {"enclaveIdentity", "signature"}  the same
//	NAME.der, .crl                      a CRL (DER, hexadecimal or PEM); with NAME.chain.pem it is a PCK CRL, without it the root's
//
// Every TCB info is joined with every PCK CRL and the identity and root CRL, of which there is one. Other names and folders are
// left alone; a file of these names that cannot be read is an error, for a directory silently half read judges wrongly.
func ReadDir(dir fs.FS) (Set, error) {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, fmt.Errorf("tdx collateral: %w", err)
	}
	if len(entries) > MaxFiles {
		return nil, fmt.Errorf("tdx collateral: %d files, limit %d: %w", len(entries), MaxFiles, ErrMalformed)
	}
	r := &reader{dir: dir}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		if err := r.file(e.Name()); err != nil {
			return nil, fmt.Errorf("tdx collateral: %s: %w", e.Name(), err)
		}
	}
	return r.join()
}

type reader struct {
	dir        fs.FS
	set        Set
	infos, pck []parts
	qe, root   *parts
}

func (r *reader) file(name string) error {
	ext := path.Ext(name)
	if ext != ".json" && ext != ".der" && ext != ".crl" {
		return nil
	}
	body, err := r.read(name)
	if err != nil {
		return err
	}
	chain, chainErr := r.read(strings.TrimSuffix(name, ext) + ".chain.pem")
	if ext != ".json" {
		switch {
		case chainErr == nil:
			r.pck = append(r.pck, parts{pckCRL: body, pckChain: chain})
		case r.root != nil:
			return fmt.Errorf("a second CRL without .chain.pem: %w", ErrMalformed)
		default:
			r.root = &parts{rootCRL: body}
		}
		return nil
	}
	return r.json(body, chain, chainErr)
}

func (r *reader) json(body, chain []byte, chainErr error) error {
	if doc, signature, err := answer(body, "tcbInfo"); err == nil {
		r.infos = append(r.infos, parts{info: doc, infoSignature: signature, infoChain: chain})
		return chainErr
	}
	if doc, signature, err := answer(body, "enclaveIdentity"); err == nil {
		if r.qe != nil {
			return fmt.Errorf("a second QE identity: %w", ErrMalformed)
		}
		r.qe = &parts{qe: doc, qeSignature: signature, qeChain: chain}
		return chainErr
	}
	c, err := Parse(body)
	if err != nil {
		return err
	}
	r.set = append(r.set, c)
	return nil
}

// join makes the sets of single answers.
func (r *reader) join() (Set, error) {
	switch {
	case len(r.infos) == 0 && r.qe == nil && r.root == nil && len(r.pck) == 0:
		return r.set, nil
	case len(r.infos) == 0:
		return nil, fmt.Errorf("tdx collateral: single answers without a TCB info: %w", ErrMalformed)
	case r.qe == nil || r.root == nil || len(r.pck) == 0:
		return nil, fmt.Errorf("tdx collateral: TCB info without QE identity, root CRL or PCK CRL: %w", ErrMalformed)
	}
	if n := len(r.infos) * len(r.pck); n > MaxFiles {
		return nil, fmt.Errorf("tdx collateral: %d pairs of TCB info and PCK CRL, limit %d: %w", n, MaxFiles, ErrMalformed)
	}
	for _, i := range r.infos {
		for _, k := range r.pck {
			p := i
			p.qe, p.qeSignature, p.qeChain = r.qe.qe, r.qe.qeSignature, r.qe.qeChain
			p.rootCRL, p.pckCRL, p.pckChain = r.root.rootCRL, k.pckCRL, k.pckChain
			c, err := p.read()
			if err != nil {
				return nil, err
			}
			r.set = append(r.set, c)
		}
	}
	return r.set, nil
}

func (r *reader) read(name string) ([]byte, error) {
	f, err := r.dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err == nil && len(b) > MaxFile {
		err = fmt.Errorf("more than %d bytes: %w", MaxFile, ErrMalformed)
	}
	return b, err
}
