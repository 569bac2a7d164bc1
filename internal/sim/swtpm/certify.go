package swtpm

import (
	"fmt"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// certify makes one endorsement key's certificate and writes it to its NV index.
func (t *TPM) certify(template string) error {
	ek, ok := tpm.TemplateByName(template)
	if !ok {
		return fmt.Errorf("software TPM: unknown endorsement key template %q", template)
	}
	c, err := linuxudstpm.Open(t.Socket())
	if err != nil {
		return fmt.Errorf("software TPM: %w", err)
	}
	r, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHEndorsement, InPublic: tpm2.New2B(ek.Creation())}.Execute(c)
	if err != nil {
		return fmt.Errorf("software TPM: create endorsement key %s: %w", template, err)
	}
	if _, err := (tpm2.FlushContext{FlushHandle: r.ObjectHandle}).Execute(c); err != nil {
		return fmt.Errorf("software TPM: %w", err)
	}
	public, err := r.OutPublic.Contents()
	if err != nil {
		return err
	}
	key, err := tpm2.Pub(*public)
	if err != nil {
		return err
	}
	der, err := t.authority.Issue(key, time.Now().Add(-time.Hour), time.Now().Add(century))
	if err != nil {
		return fmt.Errorf("software TPM: certify %s: %w", template, err)
	}
	return writeNV(c, ek.NVIndex, der)
}

// WriteNV defines an NV index as makers do, readable by everyone, and writes it. No other client may be connected.
func (t *TPM) WriteNV(index uint32, data []byte) error {
	c, err := linuxudstpm.Open(t.Socket())
	if err != nil {
		return fmt.Errorf("software TPM: %w", err)
	}
	return writeNV(c, index, data)
}

func writeNV(c transport.TPM, index uint32, data []byte) error {
	public := tpm2.TPMSNVPublic{
		NVIndex: tpm2.TPMHandle(index), NameAlg: tpm2.TPMAlgSHA256, DataSize: uint16(len(data)),
		Attributes: tpm2.TPMANV{OwnerWrite: true, OwnerRead: true, AuthRead: true, PPRead: true, NoDA: true, NT: tpm2.TPMNTOrdinary},
	}
	_, err := tpm2.NVDefineSpace{AuthHandle: tpm2.TPMRHOwner, PublicInfo: tpm2.New2B(public)}.Execute(c)
	if err != nil {
		return fmt.Errorf("software TPM: define NV index %#x: %w", index, err)
	}
	p, err := tpm2.NVReadPublic{NVIndex: tpm2.TPMHandle(index)}.Execute(c)
	if err != nil {
		return fmt.Errorf("software TPM: NV index %#x: %w", index, err)
	}
	const chunk = 512
	for off := 0; off < len(data); off += chunk {
		w := tpm2.NVWrite{
			AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Name: tpm2.HandleName(tpm2.TPMRHOwner), Auth: tpm2.PasswordAuth(nil)},
			NVIndex:    tpm2.NamedHandle{Handle: tpm2.TPMHandle(index), Name: p.NVName},
			Data:       tpm2.TPM2BMaxNVBuffer{Buffer: data[off:min(off+chunk, len(data))]}, Offset: uint16(off),
		}
		if _, err := w.Execute(c); err != nil {
			return fmt.Errorf("software TPM: write NV index %#x: %w", index, err)
		}
		if off == 0 { // TPMA_NV_WRITTEN is part of the Name from now on
			if p, err = (tpm2.NVReadPublic{NVIndex: tpm2.TPMHandle(index)}).Execute(c); err != nil {
				return fmt.Errorf("software TPM: NV index %#x: %w", index, err)
			}
		}
	}
	return nil
}
