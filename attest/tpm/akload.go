package tpm

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
)

// akTemplate is the attestation key: restricted, ECC P-256, ECDSA with SHA-256. Being a primary of the endorsement
// hierarchy it is derived from the TPM's seed: the same key each time, nothing to store or lose, and its
// quotes carry true reset counters, which a key of the owner hierarchy would obfuscate (Part 1, "Attestation").
// noDA: a failure elsewhere must not lock us out.
func akTemplate() tpm2.TPMTPublic {
	return tpm2.TPMTPublic{
		Type:    tpm2.TPMAlgECC,
		NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true,
			UserWithAuth: true, NoDA: true, Restricted: true, SignEncrypt: true},
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
			Scheme: tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUAsymScheme(
				tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256})},
			CurveID: tpm2.TPMECCNistP256,
		}),
	}
}

// creation is what TPM2_CreatePrimary said about the key's birth; TPM2_CertifyCreation wants it back.
type creation struct {
	data   []byte
	hash   tpm2.TPM2BDigest
	ticket tpm2.TPMTTKCreation
}

// load creates the attestation key. A later load must give the same key.
func (d *Device) load(l line) error {
	r, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHEndorsement, InPublic: tpm2.New2B(akTemplate())}.Execute(l)
	if err != nil {
		var rc tpm2.TPMRC
		d.unsure = d.unsure || !errors.As(err, &rc)
		return fmt.Errorf("create attestation key: %w", err)
	}
	ak, err := ParseAK(r.OutPublic.Bytes())
	if err == nil && !bytes.Equal(ak.name, r.Name.Buffer) {
		err = errors.New("create attestation key: name does not fit the public area")
	}
	if err == nil && d.ak != nil && !bytes.Equal(d.ak.name, ak.name) {
		err = ErrIdentityChanged
	}
	if err != nil {
		return errors.Join(err, flush(l, r.ObjectHandle))
	}
	if d.ak == nil {
		d.ak = ak
	}
	d.handle = r.ObjectHandle
	d.origin = creation{r.CreationData.Bytes(), r.CreationHash, r.CreationTicket}
	if d.unsure {
		if err := d.flushLeftovers(l); err != nil {
			return err
		}
		d.unsure = false
	}
	return nil
}

func (d *Device) unload(l line) error {
	if d.handle == 0 {
		return nil
	}
	h := d.handle
	d.handle = 0
	if err := flush(l, h); err != nil && !lost(err) {
		return fmt.Errorf("flush attestation key: %w", err)
	}
	return nil
}

// withAK runs use with the loaded key. When the TPM has lost it, by a reset or a resource manager's doing, the key is
// made again, once.
func (d *Device) withAK(l line, use func(tpm2.AuthHandle) error) error {
	if d.handle == 0 {
		if err := d.load(l); err != nil {
			return err
		}
	}
	err := use(d.authHandle())
	if !lost(err) {
		return err
	}
	// Whatever answers to that handle now is not ours to flush, unless it is our key after all.
	d.handle = 0
	if err := d.flushLeftovers(l); err != nil {
		return err
	}
	if err := d.load(l); err != nil {
		return err
	}
	return use(d.authHandle())
}

func (d *Device) authHandle() tpm2.AuthHandle {
	return tpm2.AuthHandle{Handle: d.handle, Name: tpm2.TPM2BName{Buffer: d.ak.name}, Auth: tpm2.PasswordAuth(nil)}
}

// lost reports that the first handle of a command names nothing, or not our key.
func lost(err error) bool {
	return errors.Is(err, tpm2.TPMRCHandle) || errors.Is(err, tpm2.TPMRCReferenceH0) || errors.Is(err, errForeignKey)
}

// errForeignKey says that our handle now names another key.
var errForeignKey = errors.New("another key answers to our handle")

// flush unloads a handle, also when the operation's caller has left.
func flush(l line, h tpm2.TPMHandle) error {
	_, err := tpm2.FlushContext{FlushHandle: h}.Execute(l.cleanup())
	return err
}

// flushLeftovers unloads other copies of our key: without a resource manager a killed agent's stay until the next reset and
// only three objects fit. Keys of any other name are somebody else's.
func (d *Device) flushLeftovers(l line) error {
	handles, err := transientHandles(l)
	if err != nil {
		return fmt.Errorf("list loaded objects: %w", err)
	}
	for _, h := range handles {
		if h == d.handle {
			continue
		}
		p, err := tpm2.ReadPublic{ObjectHandle: h}.Execute(l)
		if err != nil || !bytes.Equal(p.Name.Buffer, d.ak.name) {
			continue // gone meanwhile, unreadable, or not ours
		}
		if err := flush(l, h); err != nil {
			return fmt.Errorf("flush leftover attestation key %#x: %w", uint32(h), err)
		}
	}
	return nil
}

func transientHandles(l line) ([]tpm2.TPMHandle, error) {
	const first = uint32(tpm2.TPMHTTransient) << 24
	r, err := tpm2.GetCapability{Capability: tpm2.TPMCapHandles, Property: first, PropertyCount: maxTransient}.Execute(l)
	if err != nil {
		return nil, err
	}
	list, err := r.CapabilityData.Data.Handles()
	if err != nil {
		return nil, err
	}
	return list.Handle, nil
}
