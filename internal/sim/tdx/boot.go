package tdx

import (
	"bytes"
	"crypto/sha512"
	"crypto/x509"
	"math/big"
	"time"
	"unicode/utf16"
)

// Types of events (TCG PC Client Platform Firmware Profile, 10.4.1).
const (
	EvSeparator       = uint32(0x4)
	EvEventTag        = uint32(0x6)
	EvIPL             = uint32(0xd)
	EvVariable        = uint32(0x80000001) // EV_EFI_VARIABLE_DRIVER_CONFIG
	EvApplication     = uint32(0x80000003) // EV_EFI_BOOT_SERVICES_APPLICATION
	EvAction          = uint32(0x80000007) // EV_EFI_ACTION
	EvAuthority       = uint32(0x800000e0) // EV_EFI_VARIABLE_AUTHORITY
	evNoAction        = uint32(0x3)
	sha384ID          = uint16(0x0c)
	paddingOfEventLog = 0xff
)

// Boot is what firmware, loader and kernel measured: an event log in the making, and what it makes of the RTMRs.
type Boot struct {
	log  []byte
	rtmr [4]Register
}

// NewBoot begins a log: its first event names the digests of the others.
func NewBoot() *Boot {
	spec := append([]byte("Spec ID Event03\x00"), 0, 0, 0, 0, 0, 2, 0, 2) // class of a client, version 2.0, uintn of 64 bits
	spec = le.AppendUint32(spec, 1)
	spec = le.AppendUint16(spec, sha384ID)
	spec = le.AppendUint16(spec, uint16(len(Register{})))
	spec = append(spec, 0)
	b := le.AppendUint32(nil, 1)
	b = le.AppendUint32(b, evNoAction)
	b = append(b, make([]byte, 20)...)
	b = le.AppendUint32(b, uint32(len(spec)))
	return &Boot{log: append(b, spec...)}
}

// Measure extends RTMR i by the hash of what is measured and logs it with data beside; most events measure their data.
func (b *Boot) Measure(i int, typ uint32, data, measured []byte) {
	digest := sha512.Sum384(measured)
	b.rtmr[i] = sha512.Sum384(append(b.rtmr[i][:], digest[:]...))
	b.log = le.AppendUint32(b.log, uint32(i+1)) // 0 is MRTD
	b.log = le.AppendUint32(b.log, typ)
	b.log = le.AppendUint32(b.log, 1)
	b.log = le.AppendUint16(b.log, sha384ID)
	b.log = append(b.log, digest[:]...)
	b.log = le.AppendUint32(b.log, uint32(len(data)))
	b.log = append(b.log, data...)
}

// Apply puts the registers of this boot into measurements.
func (b *Boot) Apply(m *Measurements) { m.RTMR = b.rtmr }

// Log is the log in an area of at least this size, padded as firmware pads it: HostOptions.CCELLog.
func (b *Boot) Log(area int) []byte {
	log := bytes.Clone(b.log)
	return append(log, bytes.Repeat([]byte{paddingOfEventLog}, max(0, area-len(log)))...)
}

// BootOptions say how the TD was booted. The zero value of each field gives what stands behind it.
type BootOptions struct {
	InsecureBoot bool   // Secure Boot is off
	Shim         string // the content of each of them; "shim", "grub", "kernel", "initrd"
	Grub         string
	Kernel       string
	Initrd       string
	CommandLine  string // "/vmlinuz root=/dev/vda1 ro"
}

// NewLinuxBoot is the log of OVMF, shim, GRUB and Linux.
func (a *Authority) NewLinuxBoot(o BootOptions) (*Boot, error) {
	def(&o.Shim, "shim")
	def(&o.Grub, "grub")
	def(&o.Kernel, "kernel")
	def(&o.Initrd, "initrd")
	def(&o.CommandLine, "/vmlinuz root=/dev/vda1 ro")
	key, err := a.secureBootKey()
	if err != nil {
		return nil, err
	}
	b := NewBoot()
	own := func(i int, typ uint32, data []byte) { b.Measure(i, typ, data, data) }
	own(0, EvVariable, variable(globalVariable, "SecureBoot", []byte{bit(!o.InsecureBoot)}))
	for _, v := range []struct {
		guid []byte
		name string
		keys []byte
	}{{globalVariable, "PK", signatures(key)}, {globalVariable, "KEK", signatures(key)}, {imageSecurity, "db", signatures(key)}, {imageSecurity, "dbx", nil}} {
		own(0, EvVariable, variable(v.guid, v.name, v.keys))
	}
	own(0, EvSeparator, make([]byte, 4))
	if !o.InsecureBoot {
		own(0, EvAuthority, variable(imageSecurity, "db", append(bytes.Clone(owner), key.Raw...)))
	}
	own(1, EvAction, []byte("Calling EFI Application from Boot Option"))
	own(1, EvSeparator, make([]byte, 4))
	b.Measure(1, EvApplication, image(`\EFI\BOOT\BOOTX64.EFI`), []byte(o.Shim))
	b.Measure(1, EvApplication, image(`\EFI\BOOT\grubx64.efi`), []byte(o.Grub))
	b.Measure(1, EvApplication, image(`\vmlinuz`), []byte(o.Kernel))
	own(1, EvAction, []byte("Exit Boot Services Invocation"))
	own(1, EvAction, []byte("Exit Boot Services Returned with Success"))
	b.Measure(2, EvIPL, []byte("grub_cmd: linux "+o.CommandLine+"\x00"), []byte("linux "+o.CommandLine))
	b.Measure(2, EvIPL, []byte("/vmlinuz\x00"), []byte(o.Kernel))
	b.Measure(2, EvIPL, []byte("kernel_cmdline: "+o.CommandLine+"\x00"), []byte(o.CommandLine))
	b.Measure(2, EvIPL, []byte("/initrd.img\x00"), []byte(o.Initrd))
	return b, nil
}

// secureBootKey is the one certificate of PK, KEK and db.
func (a *Authority) secureBootKey() (*x509.Certificate, error) {
	key, err := newSigner(a.seed + "/secure boot")
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: subject("hallmark demo secure boot key"), NotBefore: a.at.Add(-24 * time.Hour), NotAfter: a.at.Add(20 * year),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	return certify(t, issuer{key, t}, &key.PublicKey)
}

// GUIDs as they lie in memory (UEFI 2.10, 3.3 and 32.4.1), and an owner of signatures that is ours.
var (
	globalVariable = unhex("61dfe48bca93d211aa0d00e098032b8c")
	imageSecurity  = unhex("cbb219d73a3d9645a3bcdad00e67656f")
	certX509       = unhex("a159c0a5e494a74a87b5ab155c2bf072")
	owner          = []byte("hallmark demo key")[:16]
)

// variable is a UEFI_VARIABLE_DATA.
func variable(guid []byte, name string, value []byte) []byte {
	text := utf16.Encode([]rune(name))
	b := le.AppendUint64(bytes.Clone(guid), uint64(len(text)))
	b = le.AppendUint64(b, uint64(len(value)))
	for _, c := range text {
		b = le.AppendUint16(b, c)
	}
	return append(b, value...)
}

// signatures is an EFI_SIGNATURE_LIST with one certificate.
func signatures(c *x509.Certificate) []byte {
	size := uint32(len(owner) + len(c.Raw))
	b := le.AppendUint32(bytes.Clone(certX509), 28+size)
	b = le.AppendUint32(b, 0) // header
	b = le.AppendUint32(b, size)
	b = append(b, owner...)
	return append(b, c.Raw...)
}

// image is a UEFI_IMAGE_LOAD_EVENT with a device path of one file.
func image(path string) []byte {
	var text []byte
	for _, c := range utf16.Encode([]rune(path + "\x00")) {
		text = le.AppendUint16(text, c)
	}
	device := append([]byte{4, 4}, le.AppendUint16(nil, uint16(4+len(text)))...)
	device = append(append(device, text...), 0x7f, 0xff, 4, 0)
	var b []byte
	for _, v := range []uint64{0x70000000, 0x100000, 0, uint64(len(device))} {
		b = le.AppendUint64(b, v)
	}
	return append(b, device...)
}

func bit(v bool) byte {
	if v {
		return 1
	}
	return 0
}
