package nvml

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed c/*.c c/*.h
var sources embed.FS

// Soname is the file name of the library, real or simulated.
const Soname = "libnvidia-ml.so.1"

// ErrNoCompiler says that gcc is not installed; a test skips for it, aloud.
var ErrNoCompiler = errors.New("gcc is not installed: the simulated NVML library cannot be built")

// Variant is a release of the library by the symbols it lacks.
type Variant string

const (
	Full        Variant = ""             // every call the probe makes
	WithoutNew  Variant = "WITHOUT_NEW"  // an old driver: none of the calls that came after the first H100 driver
	WithoutUUID Variant = "WITHOUT_UUID" // lacks a call every release has
	WithoutInit Variant = "WITHOUT_INIT" // an ELF library that is not NVML
)

// Build compiles the library into dir and returns its path.
func Build(dir string, variant Variant) (libPath string, err error) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		return "", ErrNoCompiler
	}
	src, err := os.MkdirTemp("", "hallmark-fake-nvml-")
	if err != nil {
		return "", fmt.Errorf("build fake nvml: %w", err)
	}
	defer os.RemoveAll(src)
	if err := os.CopyFS(src, sources); err != nil {
		return "", fmt.Errorf("build fake nvml: %w", err)
	}
	files, err := fs.Glob(sources, "c/*.c")
	if err != nil {
		return "", fmt.Errorf("build fake nvml: %w", err)
	}
	libPath = filepath.Join(dir, Soname)
	// nodelete: the model outlives a caller's dlclose, as a driver does.
	args := []string{"-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-pthread", "-fvisibility=hidden",
		"-Wl,-soname," + Soname, "-Wl,-z,nodelete", "-o", libPath}
	if variant != Full {
		args = append(args, "-D"+string(variant))
	}
	cmd := exec.Command(gcc, append(args, files...)...)
	cmd.Dir = src
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build fake nvml: gcc: %w: %s", err, out)
	}
	return libPath, nil
}
