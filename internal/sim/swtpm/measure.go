package swtpm

import (
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"github.com/hallmark-attest/hallmark/internal/littleendian"
)

// noAction is EV_NO_ACTION: an event that extends nothing.
const noAction = 3

// Measure extends the registers as a machine did whose logs these are: its
// firmware's boot log (TCG2, crypto-agile, registers that start at zero) and its
// kernel's measurement list; either may be empty. It is what the owner of a TPM on a side board does, too.
func (t *TPM) Measure(boot, ima []byte) error {
	c, err := linuxudstpm.Open(t.Socket())
	if err != nil {
		return fmt.Errorf("software TPM: %w", err)
	}
	defer c.Close()
	if len(boot) > 0 {
		if err := measureBoot(c, boot); err != nil {
			return fmt.Errorf("software TPM: boot log: %w", err)
		}
	}
	if err := measureIMA(c, ima); err != nil {
		return fmt.Errorf("software TPM: measurement list: %w", err)
	}
	return nil
}

var digestSizes = map[uint16]uint32{0x0004: 20, 0x000b: sha256.Size, 0x000c: sha512.Size384, 0x000d: sha512.Size}

func measureBoot(c transport.TPM, log []byte) error {
	r := &littleendian.Cursor{Rest: log}
	r.Take(8 + 20) // the header is an event of the old form
	r.Take(r.U32())
	for len(r.Rest) > 0 {
		pcr, typ := r.U32(), r.U32()
		var digests []tpm2.TPMTHA
		for range min(r.U32(), 8) {
			alg := r.U16()
			size, ok := digestSizes[alg]
			if !ok {
				return fmt.Errorf("digest of algorithm %#x", alg)
			}
			d := r.Take(size)
			if alg == 0x000b || alg == 0x000c { // the banks that setup activates
				digests = append(digests, tpm2.TPMTHA{HashAlg: tpm2.TPMAlgID(alg), Digest: d})
			}
		}
		r.Take(r.U32())
		if r.Short {
			return errors.New("cut short")
		}
		if typ != noAction {
			if err := extend(c, pcr, digests...); err != nil {
				return err
			}
		}
	}
	return nil
}

func measureIMA(c transport.TPM, list []byte) error {
	for r := (&littleendian.Cursor{Rest: list}); len(r.Rest) > 0; {
		pcr := r.U32()
		hash := r.Take(20)
		r.Take(r.U32()) // template name
		data := r.Take(r.U32())
		if r.Short {
			return errors.New("cut short")
		}
		d, d384 := sha256.Sum256(data), sha512.Sum384(data)
		if [20]byte(hash) == [20]byte{} {
			return errors.New("holds a violation")
		}
		if err := extend(c, pcr, tpm2.TPMTHA{HashAlg: tpm2.TPMAlgSHA256, Digest: d[:]}, tpm2.TPMTHA{HashAlg: tpm2.TPMAlgSHA384, Digest: d384[:]}); err != nil {
			return err
		}
	}
	return nil
}

func extend(c transport.TPM, pcr uint32, digests ...tpm2.TPMTHA) error {
	h := tpm2.TPMHandle(pcr)
	_, err := tpm2.PCRExtend{PCRHandle: tpm2.AuthHandle{Handle: h, Name: tpm2.HandleName(h), Auth: tpm2.PasswordAuth(nil)},
		Digests: tpm2.TPMLDigestValues{Digests: digests}}.Execute(c)
	if err != nil {
		return fmt.Errorf("extend register %d: %w", pcr, err)
	}
	return nil
}
