package tdx

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"syscall"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/runlog"
)

const (
	// RuntimeRTMR is the RTMR that runtime events go into. Firmware has 0, the loader and kernel 1 and 2.
	RuntimeRTMR = 3
	// RuntimeIndex is its number in an event log (UEFI 2.10, 38.4.1: MRTD is 0, RTMR0 is 1).
	RuntimeIndex = RuntimeRTMR + 1
	// RTMRBytes is the size of a register and of a digest that extends it: SHA-384.
	RTMRBytes = 48

	runtimeFile = measurementsDir + "/rtmr3:sha384"
)

// Names of claims and of their absences.
const (
	RTMRExtend      = "rtmr_extend"
	RuntimeRegister = "runtime_register"
	CCEL            = "ccel"
)

// Register is RTMR3 as a register of a runtime log, with one bank of SHA-384. The log is to be opened with RuntimeIndex.
//
// Where the kernel offers no way to extend, that is an *attest.AbsentError of "rtmr_extend". An RTMR is reset by nothing but a start
// of the TD, and anybody with root may extend it: the log says so where that happened, and ends (runlog.ErrForeign).
func (d *Device) Register(ctx context.Context) (runlog.Register, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	switch err := d.o.Files.Access(runtimeFile, true); {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist):
		return nil, absent(RTMRExtend, attest.NotSupported, "RTMR extend: not available: no %s, which Linux has since 6.16", runtimeFile)
	case errors.Is(err, fs.ErrPermission):
		return nil, absent(RTMRExtend, attest.NotPermitted, "RTMR extend: not available: %s may not be written: the collector has to run as root", runtimeFile)
	case errors.Is(err, syscall.EROFS):
		return nil, absent(RTMRExtend, attest.NotPermitted, "RTMR extend: not available: %s is mounted read-only: the agent runs in a container or a unit that protects /sys", runtimeFile)
	default:
		return nil, absent(RTMRExtend, attest.Failed, "RTMR extend: not available: %v", err)
	}
	r := rtmr{d.o.Files}
	if _, err := r.Read(ctx); err != nil {
		return nil, absent(RTMRExtend, attest.Failed, "RTMR extend: not available: %v", err)
	}
	return r, nil
}

// rtmr is RTMR3 through the kernel's file.
type rtmr struct{ files Files }

// Read returns the register's value.
func (r rtmr) Read(ctx context.Context) (map[uint16][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, err := r.files.Read(runtimeFile, RTMRBytes+1)
	if err != nil {
		return nil, fmt.Errorf("rtmr %d: %w", RuntimeRTMR, err)
	}
	if len(b) != RTMRBytes {
		return nil, fmt.Errorf("rtmr %d: %d bytes, want %d", RuntimeRTMR, len(b), RTMRBytes)
	}
	return map[uint16][]byte{runlog.SHA384: b}, nil
}

// Extend extends the register: a write of exactly 48 bytes at offset 0 (Documentation/ABI/testing/sysfs-devices-virtual-misc-tdx_guest).
// After an error nobody knows whether it happened.
func (r rtmr) Extend(ctx context.Context, digests map[uint16][]byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d := digests[runlog.SHA384]
	if len(digests) != 1 || len(d) != RTMRBytes {
		return fmt.Errorf("rtmr %d: digests of banks %v, %d bytes of SHA-384: want %d and nothing else", RuntimeRTMR, slices.Sorted(maps.Keys(digests)), len(d), RTMRBytes)
	}
	if err := r.files.Write(runtimeFile, d); err != nil {
		return fmt.Errorf("rtmr %d: %w", RuntimeRTMR, err)
	}
	return nil
}
