package nvml

import (
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestBuildMakesALibraryOfThatName(t *testing.T) {
	for variant, lacks := range map[Variant]string{Full: "", WithoutNew: "nvmlDeviceGetGpuFabricInfoV", WithoutUUID: "nvmlDeviceGetUUID", WithoutInit: "nvmlInit_v2"} {
		lib, err := Build(t.TempDir(), variant)
		if errors.Is(err, ErrNoCompiler) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		f, err := elf.Open(lib)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if name, err := f.DynString(elf.DT_SONAME); err != nil || !slices.Equal(name, []string{Soname}) {
			t.Errorf("%q: soname %q, %v", variant, name, err)
		}
		symbols, err := f.DynamicSymbols()
		if err != nil {
			t.Fatal(err)
		}
		offers := make(map[string]bool)
		for _, s := range symbols {
			if s.Section != elf.SHN_UNDEF {
				offers[s.Name] = true
				if !strings.HasPrefix(s.Name, "nvml") {
					t.Errorf("%q: exports %s, which would clash in the process that loads it", variant, s.Name)
				}
			}
		}
		if offers[lacks] || !offers["nvmlDeviceGetSerial"] {
			t.Errorf("%q: offers %s: %v", variant, lacks, offers[lacks])
		}
	}
}

func TestBuildReportsWhatGccSays(t *testing.T) {
	_, err := Build(filepath.Join(t.TempDir(), "missing"), Full)
	if errors.Is(err, ErrNoCompiler) {
		t.Skip(err)
	}
	if err == nil || !strings.Contains(err.Error(), "gcc") {
		t.Errorf("got %v", err)
	}
}

func TestWriteConfKeepsEachValueOnItsLine(t *testing.T) {
	dir := t.TempDir()
	if err := WriteConf(dir, Conf{Name: "NVIDIA H100\nmode=ok", Mode: ModeHang}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, Soname+".conf"))
	if err != nil || strings.Count(string(b), "\n") != 4 {
		t.Errorf("%q, %v", b, err)
	}
}
