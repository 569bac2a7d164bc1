package tdx

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/hallmark-attest/hallmark/attest"
)

// absent is the error of what this machine does not offer. What is "tdx", or a claim's name.
func absent(what string, r attest.Reason, format string, args ...any) error {
	return &attest.AbsentError{Absence: attest.Absent(what, r, format, args...)}
}

const self = string(attest.KindTDX)

// explain makes an absence of an error that says that there are no quotes here, and adds the remedy to others that have one.
func (d *Device) explain(err error) error {
	var already *attest.AbsentError
	switch {
	case err == nil, errors.As(err, &already):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return d.missing()
	case errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENOTSUP):
		return d.driverless()
	case errors.Is(err, syscall.EROFS):
		return absent(self, attest.NotPermitted, "%s is mounted read-only: the agent runs in a container or a unit that protects it (systemd: ReadWritePaths=%s)", configfsDir, reportDir)
	case errors.Is(err, fs.ErrPermission):
		return absent(self, attest.NotPermitted, "no entry may be made in %s: the collector has to run as root, or as the owner of that folder", reportDir)
	case errors.Is(err, syscall.EIO):
		return fmt.Errorf("%w: the host refused to quote: its quote generation service (qgsd) does not run, or its platform is not registered with Intel", err)
	case errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: the host answered with more than the kernel gave room for", err)
	case errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("%w: the driver refuses 64 bytes of report data: is it %s?", err, Provider)
	}
	return err
}

// missing says why there is no report tree.
func (d *Device) missing() error {
	if !d.inTD() {
		return d.outside()
	}
	if d.o.Files.Access(configfsDir, false) != nil {
		return absent(self, attest.NotLoaded, "a TD without configfs: mount -t configfs none %s", configfsDir)
	}
	return absent(self, attest.NotLoaded, "a TD without %s: mount configfs (mount -t configfs none %s) and load the driver (modprobe %s; Linux 6.7 or newer)", reportDir, configfsDir, Provider)
}

// driverless says why the report tree has nobody to answer.
func (d *Device) driverless() error {
	if !d.inTD() {
		return d.outside()
	}
	return absent(self, attest.NotLoaded, "a TD whose driver does not answer in %s: modprobe %s", reportDir, Provider)
}

func (d *Device) outside() error {
	return absent(self, attest.NotPresent, "not inside a trust domain (no flag tdx_guest in %s); on bare metal and in ordinary virtual machines there is nothing to do", cpuinfoFile)
}

// inTD reports whether the kernel found itself in a TD when it booted.
func (d *Device) inTD() bool {
	b, err := d.o.Files.Read(cpuinfoFile, maxCPUInfo)
	if err != nil {
		return false
	}
	_, flags, found := bytes.Cut(b, []byte("\nflags"))
	flags, _, _ = bytes.Cut(flags, []byte("\n"))
	for _, f := range bytes.Fields(flags) {
		if found && string(f) == "tdx_guest" {
			return true
		}
	}
	return false
}

// checkProvider refuses a tree that another technology answers.
func (d *Device) checkProvider(name string) error {
	if name = strings.TrimSuffix(name, "\n"); name != Provider {
		return absent(self, attest.NotPresent, "reports come from %q, not from %s: another confidential computing technology, or a paravisor", attest.Clean(name), Provider)
	}
	return nil
}
