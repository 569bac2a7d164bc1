package host

import (
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
)

// NVIDIA is what the kernel driver says of itself and its devices in
// /proc/driver/nvidia. A faked user-space library has no such side.
type NVIDIA struct {
	Version string      `cbor:"version"` // "550.54.15"
	Banner  string      `cbor:"banner"`  // the whole NVRM line: names the open or the proprietary module
	GPUs    []NVIDIAGPU `cbor:"gpus"`    // sorted by address
}

// NVIDIAGPU is one /proc/driver/nvidia/gpus/ADDRESS/information. A value the
// driver does not know (printed with question marks) is left out.
type NVIDIAGPU struct {
	Address  string `cbor:"address"`
	Model    string `cbor:"model,omitempty"`
	UUID     string `cbor:"uuid,omitempty"`
	VBIOS    string `cbor:"vbios,omitempty"`
	Firmware string `cbor:"firmware,omitempty"`
	BusType  string `cbor:"bus_type,omitempty"`
	Excluded string `cbor:"excluded,omitempty"` // "Yes" or "No"
}

// MappedFile identifies one file by what was read through a descriptor of it.
type MappedFile struct {
	Path      string `cbor:"path"` // a name, for people
	SizeBytes uint64 `cbor:"size_bytes"`
	FSVerity  []byte `cbor:"fsverity"`
	SHA256    []byte `cbor:"sha256"`
	BuildID   []byte `cbor:"build_id,omitempty"` // ELF note, if the file has one
	Exact     bool   `cbor:"exact"`              // opened through map_files: the inode in use, not the one its name leads to now
}

// NVIDIAModule is the loaded kernel module.
type NVIDIAModule struct {
	Version    string      `cbor:"version,omitempty"`
	SrcVersion string      `cbor:"srcversion,omitempty"` // modinfo srcversion of the loaded module
	BuildID    []byte      `cbor:"build_id,omitempty"`   // ELF note of the loaded module, kept by the kernel
	File       *MappedFile `cbor:"file,omitempty"`       // the module's file on disk, read by the agent
}

const (
	whatNVML   = "nvml_library"
	whatModule = "nvidia_module.file"
)

// SetNVMLLibrary states the library that the GPU probe has mapped, replacing the
// absence that Read left in its place.
func (c *Claims) SetNVMLLibrary(f MappedFile) {
	c.NVMLLibrary = &f
	c.Absent = without(c.Absent, whatNVML)
}

// SetModuleFile states the driver's file; Read has stated what is loaded.
func (c *Claims) SetModuleFile(f MappedFile) {
	if c.NVIDIAModule == nil {
		c.NVIDIAModule = &NVIDIAModule{}
	}
	c.NVIDIAModule.File = &f
	c.Absent = without(c.Absent, whatModule)
}

// SetNVMLAbsent says why there is no library, in place of what Read stated.
func (c *Claims) SetNVMLAbsent(r attest.Reason, format string, args ...any) {
	c.NVMLLibrary = nil
	c.Absent = insert(without(c.Absent, whatNVML), attest.Absent(whatNVML, r, format, args...))
}

// SetModuleFileAbsent says why there is no module file, in place of what Read stated.
func (c *Claims) SetModuleFileAbsent(r attest.Reason, format string, args ...any) {
	if c.NVIDIAModule != nil {
		c.NVIDIAModule.File = nil
	}
	c.Absent = insert(without(c.Absent, whatModule), attest.Absent(whatModule, r, format, args...))
}

func without(list []attest.Absence, what string) []attest.Absence {
	return slices.DeleteFunc(slices.Clone(list), func(a attest.Absence) bool { return a.What == what })
}

func insert(list []attest.Absence, a attest.Absence) []attest.Absence {
	if len(list) >= attest.MaxAbsences {
		list = list[:attest.MaxAbsences-1]
	}
	return append(list, a)
}

func (f *MappedFile) check(what string) error {
	switch {
	case f == nil:
		return nil
	case len(f.FSVerity) != 32 || len(f.SHA256) != 32:
		return fmt.Errorf("host: %s: digests of %d and %d bytes", what, len(f.FSVerity), len(f.SHA256))
	case len(f.BuildID) > maxBuildID || f.SizeBytes > MaxFileSize:
		return fmt.Errorf("host: %s: over a limit", what)
	}
	return checkText(what, f.Path)
}
