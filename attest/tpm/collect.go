package tpm

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/hallmark-attest/hallmark/attest"
)

// How is the claims' "how": where their values come from.
const How = "TPM2_GetCapability, TPM2_NV_Read, TPM2_CreatePrimary"

// Claims states what this TPM is. device is the path as the operator configured it. Nothing slow happens but at the
// first call, which reads certificates from NV.
func (d *Device) Claims(ctx context.Context, device string, now func() time.Time) (*Claims, error) {
	return run(ctx, d, "claims", func(l line) (*Claims, error) {
		e, err := d.readEndorsement(l)
		if err != nil {
			return nil, err
		}
		p, err := d.readProperties(l)
		if err != nil {
			return nil, err
		}
		c := &Claims{
			ObtainedAt: uint64(now().UnixMilli()), How: How, Device: attest.Clean(device),
			AK: d.ak.Public(), EKs: digests(e.keys), Bank: d.bank, Selection: Selection(),
			Manufacturer: p.manufacturer, Vendor: p.vendor, FirmwareVersion: p.firmware,
			Absent: slices.Concat(e.absent, p.absent, []attest.Absence{attest.Absent(RuntimeRegister, attest.NotConfigured, "no runtime log")}),
		}
		slices.SortStableFunc(c.Absent, func(a, b attest.Absence) int { return strings.Compare(a.What, b.What) })
		return c, c.Check()
	})
}

func digests(keys []EK) []EKDigest {
	out := make([]EKDigest, len(keys))
	for i, k := range keys {
		t, _ := TemplateByName(k.Template)
		digest := sha256.Sum256(k.SPKI)
		out[i] = EKDigest{Template: k.Template, NVIndex: t.NVIndex, KeyDigest: digest[:]}
		if len(k.Certificate) > 0 {
			digest := sha256.Sum256(k.Certificate)
			out[i].CertificateDigest = digest[:]
		}
	}
	return out
}

// properties are the fixed properties that name maker and firmware (Part 2, 6.13).
type properties struct {
	manufacturer, vendor string
	firmware             *uint64
	absent               []attest.Absence
}

func (d *Device) readProperties(l line) (*properties, error) {
	if d.details != nil {
		return d.details, nil
	}
	const first, count = uint32(tpm2.TPMPTManufacturer), uint32(tpm2.TPMPTFirmwareVersion2 - tpm2.TPMPTManufacturer + 1)
	r, err := tpm2.GetCapability{Capability: tpm2.TPMCapTPMProperties, Property: first, PropertyCount: count}.Execute(l)
	if err != nil {
		return nil, err
	}
	list, err := r.CapabilityData.Data.TPMProperties()
	if err != nil {
		return nil, err
	}
	have := make(map[tpm2.TPMPT]uint32)
	for _, p := range list.TPMProperty {
		have[p.Property] = p.Value
	}
	d.details = newProperties(have)
	return d.details, nil
}

func newProperties(have map[tpm2.TPMPT]uint32) *properties {
	p := &properties{
		manufacturer: letters(have, tpm2.TPMPTManufacturer),
		vendor: letters(have, tpm2.TPMPTVendorString1, tpm2.TPMPTVendorString2,
			tpm2.TPMPTVendorString3, tpm2.TPMPTVendorString4),
	}
	if high, ok := have[tpm2.TPMPTFirmwareVersion1]; ok {
		v := uint64(high)<<32 | uint64(have[tpm2.TPMPTFirmwareVersion2])
		p.firmware = &v
	}
	for _, m := range []struct {
		what    string
		missing bool
	}{{"manufacturer", p.manufacturer == ""}, {"vendor", p.vendor == ""}, {"firmware_version", p.firmware == nil}} {
		if m.missing {
			p.absent = append(p.absent, attest.Absent(m.what, attest.NotPresent, "the TPM does not state it"))
		}
	}
	return p
}

// letters joins properties that hold four characters each, padded with zeros.
func letters(have map[tpm2.TPMPT]uint32, names ...tpm2.TPMPT) string {
	var b []byte
	for _, n := range names {
		b = binary.BigEndian.AppendUint32(b, have[n])
	}
	return strings.TrimSpace(attest.Clean(strings.ReplaceAll(string(b), "\x00", "")))
}
