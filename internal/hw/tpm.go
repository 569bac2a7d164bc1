package hw

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
)

// OpenTPM opens a TPM 2.0 by what the operator configured: a device file, best /dev/tpmrm0, whose resource manager in the
// kernel keeps programs apart, or "unix:/path", the data socket of a software TPM. Errors say what to do.
// /dev/tpm0 is opened too; whether to warn is the caller's matter: IsRawTPM tells.
func OpenTPM(spec string) (transport.TPMCloser, error) {
	if path, ok := strings.CutPrefix(spec, "unix:"); ok {
		return DialTPM(path)
	}
	if !strings.HasPrefix(spec, "/") {
		return nil, fmt.Errorf("tpm device %q: want an absolute device path such as /dev/tpmrm0, or unix:/path of a socket", spec)
	}
	t, err := linuxtpm.Open(spec)
	if err != nil {
		return nil, explainTPM(spec, err)
	}
	return t, nil
}

// IsRawTPM reports a device without resource manager: objects of all programs share three slots, and a program
// that dies leaves its own behind.
func IsRawTPM(spec string) bool {
	number, ok := strings.CutPrefix(spec, "/dev/tpm")
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}

func explainTPM(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("tpm device: %w: %s", err, missingTPM(path))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("tpm device: %w: add the user to the group that owns it (usually: usermod -aG tss USER) and log in again", err)
	case errors.Is(err, syscall.EBUSY):
		return fmt.Errorf("tpm device: %w: another program has it open (fuser -v %s); /dev/tpmrm0 can be shared", err, path)
	case errors.Is(err, linuxtpm.ErrFileIsNotDevice):
		return fmt.Errorf("tpm device: %w: for a software TPM's socket write unix:%s", err, path)
	}
	return fmt.Errorf("tpm device: %w", err)
}

func missingTPM(path string) string {
	if strings.HasPrefix(path, "/dev/tpmrm") {
		if _, err := os.Stat(strings.Replace(path, "tpmrm", "tpm", 1)); err == nil {
			return "only the raw device exists: this is a TPM 1.2, which cannot be used, or a kernel before 4.12"
		}
	}
	return "switch the TPM on in the BIOS (names there: TPM, Intel PTT, AMD fTPM), then check that module tpm_crb or tpm_tis is loaded"
}
