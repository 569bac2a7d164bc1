package bootlog

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"fmt"

	goattest "github.com/google/go-attestation/attest"
	"github.com/google/go-eventlog/extract"
	"github.com/google/go-eventlog/register"
	"github.com/google/go-eventlog/tcg"

	"github.com/hallmark-attest/hallmark/attest"
)

// Both libraries are asked about register 7 alone. Their replay is all or
// nothing, and their state functions would mix in what other registers say.

func goEventlog(raw []byte, l *log, quoted []byte) (bool, map[string][]attest.Digest, error) {
	mr := register.PCR{Index: 7, Digest: quoted, DigestAlg: l.hash}
	events, err := tcg.ParseAndReplay(raw, []register.MR{mr}, tcg.ParseOpts{})
	if err != nil {
		return false, nil, err
	}
	mine := l.of(7)
	if len(mine) != len(events) {
		return false, nil, fmt.Errorf("finds %d events, not %d", len(events), len(mine))
	}
	for i, e := range events {
		if uint32(e.Type) != uint32(mine[i].typ) || !bytes.Equal(e.Digest, mine[i].digest) || !bytes.Equal(e.Data, mine[i].data) {
			return false, nil, fmt.Errorf("reads event %d otherwise", mine[i].number)
		}
	}
	s, err := extract.ParseSecurebootState(events, extract.TPMRegisterConfig, extract.Opts{})
	if err != nil {
		return false, nil, err
	}
	return s.Enabled, keysOf(s.PlatformKeys, s.PlatformKeyHashes, s.ExchangeKeys, s.ExchangeKeyHashes,
		s.PermittedKeys, s.PermittedHashes, s.ForbiddenKeys, s.ForbiddenHashes), nil
}

func goAttestation(raw []byte, l *log, quoted []byte) (bool, map[string][]attest.Digest, error) {
	el, err := goattest.ParseEventLog(raw)
	if err != nil {
		return false, nil, err
	}
	events, err := el.Verify([]goattest.PCR{{Index: 7, Digest: quoted, DigestAlg: l.hash}})
	if err != nil {
		return false, nil, err
	}
	mine := l.of(7)
	if len(mine) != len(events) {
		return false, nil, fmt.Errorf("finds %d events, not %d", len(events), len(mine))
	}
	for i, e := range events {
		if uint32(e.Type) != uint32(mine[i].typ) || !bytes.Equal(e.Digest, mine[i].digest) || !bytes.Equal(e.Data, mine[i].data) {
			return false, nil, fmt.Errorf("reads event %d otherwise", mine[i].number)
		}
		events[i].Digest = l.comparable(mine[i])
	}
	s, err := goattest.ParseSecurebootState(events)
	if err != nil {
		return false, nil, err
	}
	return s.Enabled, keysOf(s.PlatformKeys, s.PlatformKeyHashes, s.ExchangeKeys, s.ExchangeKeyHashes,
		s.PermittedKeys, s.PermittedHashes, s.ForbiddenKeys, s.ForbiddenHashes), nil
}

// comparable translates a digest for go-attestation, which holds data against
// SHA-1 and SHA-256 digests only: what was hashed under SHA-384 is hashed again,
// and what does not hash to its digest gets one that fits nothing.
func (l *log) comparable(e event) []byte {
	if l.hash.Size() == sha256.Size {
		return e.digest
	}
	for _, b := range [][]byte{e.data, e.data[:max(len(e.data)-1, 0)]} {
		if l.hashes(b, e) {
			d := sha256.Sum256(b)
			return d[:]
		}
	}
	return make([]byte, sha256.Size)
}

func keysOf(pk []x509.Certificate, pkh [][]byte, kek []x509.Certificate, kekh [][]byte,
	db []x509.Certificate, dbh [][]byte, dbx []x509.Certificate, dbxh [][]byte) map[string][]attest.Digest {
	return map[string][]attest.Digest{"PK": digests(pk, pkh), "KEK": digests(kek, kekh), "db": digests(db, dbh), "dbx": digests(dbx, dbxh)}
}

func digests(certs []x509.Certificate, hashes [][]byte) []attest.Digest {
	var out []attest.Digest
	for _, c := range certs {
		out = append(out, sha256.Sum256(c.Raw))
	}
	for _, h := range hashes {
		if len(h) == sha256.Size {
			out = append(out, attest.Digest(h))
		}
	}
	return out
}

// digestible gives a log that the libraries can take. They refuse a whole log for
// a digest of an algorithm that they do not know (SHA-512, SM3), and for an event
// outside all registers; such a log is written anew with the one bank.
func (l *log) digestible(raw []byte) []byte {
	foreign := false
	for alg := range l.algorithms {
		foreign = foreign || alg != algSHA1 && alg != algSHA256 && alg != algSHA384
	}
	for _, e := range l.events {
		foreign = foreign || e.register >= maxIndex
	}
	if !foreign {
		return raw
	}
	bank := map[int]uint16{32: algSHA256, 48: algSHA384}[l.hash.Size()]
	out := append([]byte(nil), l.header[:32]...)
	spec := append([]byte(nil), l.specID()[:24]...)
	spec = binary.LittleEndian.AppendUint32(spec, 1)
	spec = binary.LittleEndian.AppendUint16(spec, bank)
	spec = binary.LittleEndian.AppendUint16(spec, uint16(l.hash.Size()))
	spec = append(spec, 0)
	out = binary.LittleEndian.AppendUint32(out[:28], uint32(len(spec)))
	out = append(out, spec...)
	for _, e := range l.events {
		if e.typ == NoAction {
			continue
		}
		out = binary.LittleEndian.AppendUint32(out, e.register)
		out = binary.LittleEndian.AppendUint32(out, uint32(e.typ))
		if e.digest == nil {
			out = binary.LittleEndian.AppendUint32(out, 0)
		} else {
			out = binary.LittleEndian.AppendUint32(out, 1)
			out = binary.LittleEndian.AppendUint16(out, bank)
			out = append(out, e.digest...)
		}
		out = binary.LittleEndian.AppendUint32(out, uint32(len(e.data)))
		out = append(out, e.data...)
	}
	return out
}

// specID is the data of the header.
func (l *log) specID() []byte { return l.header[32:] }
