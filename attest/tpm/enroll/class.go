package enroll

import "strings"

// Class says what kind of thing a TPM is; it sets the ceiling of what its quotes are worth.
type Class string

const (
	ClassFirmware Class = "firmware" // runs in the processor or chipset: cannot be detached from it
	ClassDiscrete Class = "discrete" // a chip of its own: its owner can put it elsewhere and replay any log into it
	ClassVirtual  Class = "virtual"  // software: whoever runs it holds its keys
	ClassUnknown  Class = "unknown"  // not listed here, or the maker has several kinds
)

// vendors maps the four characters of the TCG Vendor ID Registry (in hex, as certificates write them) to a class, where
// the maker is known for one kind of TPM 2.0 only; beside each the product that says so. Not listed on purpose: MSFT (simulator, Hyper-V and Pluton), GOOG (cloud vTPM
// and security chips), QCOM, SMSN and others for which we know no second source.
var vendors = map[string]Class{
	"414D4400": ClassFirmware, // "AMD": fTPM in the platform security processor
	"494E5443": ClassFirmware, // "INTC": Platform Trust Technology in the chipset's management engine
	"49465800": ClassDiscrete, // "IFX": Infineon OPTIGA SLB 96xx
	"4E544300": ClassDiscrete, // "NTC": Nuvoton NPCT6xx, 7xx
	"53544D20": ClassDiscrete, // "STM ": STMicroelectronics ST33
	"4E534D20": ClassDiscrete, // "NSM ": National Semiconductor
	"4E534700": ClassDiscrete, // "NSG": NSING NS350
	"4E545A00": ClassDiscrete, // "NTZ": Nationz Z32H330
	"41544D4C": ClassDiscrete, // "ATML": Atmel, now Microchip AT97SC, ATTPM20P
	// swtpm_localca of swtpm 0.7 writes this for every software TPM it certifies: IBM's PCI vendor number,
	// not a TCG id. libtpms itself reports the registered "IBM".
	"00001014": ClassVirtual,
	"49424D00": ClassVirtual, // "IBM": libtpms and IBM's software TPM; no TPM 2.0 chip by IBM is known to us
}

// ClassOf classes a TPM by what its certifier says of it. A model that names swtpm is virtual whatever the vendor id.
func ClassOf(id Identity) Class {
	if strings.Contains(strings.ToLower(id.Model), "swtpm") {
		return ClassVirtual
	}
	hex, ok := strings.CutPrefix(strings.ToLower(id.Manufacturer), "id:")
	if !ok {
		return ClassUnknown
	}
	if c, ok := vendors[strings.ToUpper(hex)]; ok {
		return c
	}
	return ClassUnknown
}
