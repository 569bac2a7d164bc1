package host

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

const (
	nvidiaDir  = "proc/driver/nvidia/"
	moduleDir  = "sys/module/nvidia/"
	maxBuildID = 64
	maxLines   = 64 // of an information file
)

// nvidia reads the kernel driver's own account.
func (w *reading) nvidia() *NVIDIA {
	b, err := w.raw(nvidiaDir+"version", maxAttribute)
	if err != nil {
		w.absent.Err("nvidia", err)
		return nil
	}
	n := &NVIDIA{}
	if n.Banner, n.Version, err = parseVersion(string(b)); err != nil {
		w.absent.Err("nvidia.version", err)
	}
	for _, addr := range w.list("nvidia.gpus", nvidiaDir+"gpus", MaxGPUs) {
		what := "nvidia.gpus[" + addr + "]"
		b, err := w.raw(nvidiaDir+"gpus/"+addr+"/information", maxAttribute)
		if err == nil && !validAddress(addr) {
			err = fmt.Errorf("address %q: %w", addr, proc.ErrSyntax)
		}
		if err != nil {
			w.absent.Err(what, err)
			continue
		}
		g, unknown := parseInformation(addr, string(b))
		for _, key := range unknown {
			w.absent.Add(what+"."+key, attest.NotPresent, "the driver does not state it")
		}
		n.GPUs = append(n.GPUs, g)
	}
	return n
}

// parseVersion reads the first line of /proc/driver/nvidia/version:
//
//	NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023
//	NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build  (...)  Tue ...
func parseVersion(s string) (banner, version string, err error) {
	line, _, _ := strings.Cut(s, "\n")
	rest, ok := strings.CutPrefix(line, "NVRM version: ")
	if !ok {
		return "", "", fmt.Errorf("driver version: %w", proc.ErrSyntax)
	}
	banner = strings.TrimSpace(attest.Clean(rest))
	for _, f := range strings.Fields(banner) {
		if strings.Count(f, ".") >= 1 && strings.Trim(f, "0123456789.") == "" && f[0] != '.' {
			return banner, f, nil
		}
	}
	return banner, "", fmt.Errorf("driver version: no number: %w", proc.ErrSyntax)
}

// parseInformation reads "Key: value" lines. The key set is NVIDIA's and open;
// we take ours and say which of them are missing or unknown to the driver.
func parseInformation(addr, s string) (g NVIDIAGPU, unknown []string) {
	g.Address = addr
	fields := []struct {
		label, key string
		to         *string
	}{
		{"Model", "model", &g.Model}, {"GPU UUID", "uuid", &g.UUID}, {"Video BIOS", "vbios", &g.VBIOS},
		{"GPU Firmware", "firmware", &g.Firmware}, {"Bus Type", "bus_type", &g.BusType}, {"GPU Excluded", "excluded", &g.Excluded},
	}
	lines := strings.SplitN(s, "\n", maxLines+1)
	for _, line := range lines[:min(len(lines), maxLines)] {
		label, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(attest.Clean(value))
		if !ok || strings.Contains(value, "??") {
			continue
		}
		for _, f := range fields {
			if strings.TrimSpace(label) == f.label && *f.to == "" {
				*f.to = value
			}
		}
	}
	for _, f := range fields {
		if *f.to == "" {
			unknown = append(unknown, f.key)
		}
	}
	return g, unknown
}

// module reads what the kernel keeps of the loaded nvidia module.
func (w *reading) module() *NVIDIAModule {
	m := &NVIDIAModule{}
	if _, err := w.text(moduleDir + "refcnt"); proc.Reason(err) == attest.NotPresent && err != nil {
		w.absent.Add("nvidia_module", attest.NotLoaded, "no module of that name")
		return nil
	}
	w.optional("nvidia_module.version", moduleDir+"version", &m.Version)
	w.optional("nvidia_module.srcversion", moduleDir+"srcversion", &m.SrcVersion)
	b, err := w.raw(moduleDir+"notes/.note.gnu.build-id", maxAttribute)
	if err == nil {
		m.BuildID, err = parseBuildID(b)
	}
	if err != nil {
		w.absent.Err("nvidia_module.build_id", err)
	}
	return m
}

// parseBuildID reads one ELF note of name "GNU" and type NT_GNU_BUILD_ID (3).
// Both architectures this project builds for are little-endian.
func parseBuildID(b []byte) ([]byte, error) {
	if len(b) < 16 || binary.LittleEndian.Uint32(b) != 4 || binary.LittleEndian.Uint32(b[8:]) != 3 || string(b[12:16]) != "GNU\x00" {
		return nil, fmt.Errorf("build id note: %w", proc.ErrSyntax)
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if n == 0 || n > maxBuildID || int(n) > len(b)-16 {
		return nil, fmt.Errorf("build id of %d bytes: %w", n, proc.ErrSyntax)
	}
	return b[16 : 16+n], nil
}
