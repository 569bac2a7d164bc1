package tpm

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
)

var (
	// ErrBroken says that an answer was no answer to the command: cut short, or not of its form. Whether the command was carried
	// out is unknown then, and an object it made may stay loaded; opening /dev/tpmrm0 anew frees all that were ours.
	ErrBroken = errors.New("broken answer")
	// errTransport marks errors of the transport, apart from those of reading what it brought.
	errTransport = errors.New("no answer from the device")
)

// remedy is what to do about one refusal of a TPM.
type remedy struct {
	rc  tpm2.TPMRC
	fix string
}

const (
	putOff  = "the TPM put the command off ten times: other work keeps it busy; ask again, and if it stays so look for programs that use it (fuser -v /dev/tpm*)"
	nvBusy  = "the TPM cannot write its NV memory now, ten attempts long: ask again in a minute; if it stays so another program wears NV out (Part 2, 6.6.3), or the flash is failing"
	tooFull = "other programs' objects fill the TPM: use /dev/tpmrm0, or tpm2_flushcontext -t -l -s"
	dead    = "the TPM failed and refuses everything until it is reset: power the host off and on; if it comes back so, the chip is broken (tpm2_gettestresult)"
)

// remedies are looked through in order. What is not here is passed on as the TPM said it.
var remedies = []remedy{
	{tpm2.TPMRCRetry, putOff},
	{tpm2.TPMRCYielded, putOff},
	{tpm2.TPMRCTesting, "the TPM's self test has not ended after ten attempts: ask again in some seconds; if it never ends, power the host off and on"},
	{tpm2.TPMRCNVRate, nvBusy},
	{tpm2.TPMRCNVUnavailable, nvBusy},
	{tpm2.TPMRCLockout, "the TPM is in dictionary-attack lockout: wait or tpm2_dictionarylockout -c"},
	{tpm2.TPMRCObjectMemory, tooFull},
	{tpm2.TPMRCSessionMemory, tooFull},
	{tpm2.TPMRCObjectHandles, tooFull},
	{tpm2.TPMRCSessionHandles, tooFull},
	{tpm2.TPMRCMemory, tooFull},
	{tpm2.TPMRCContextGap, tooFull},
	{tpm2.TPMRCFailure, dead},
	{tpm2.TPMRCInitialize, "the TPM was reset and nobody has started it: that is the firmware's work, so reboot; for a software TPM run tpm2_startup -c"},
	{tpm2.TPMRCReboot, "the TPM wants a reboot, usually after a firmware update"},
	{tpm2.TPMRCUpgrade, "the TPM is in the middle of a firmware update: finish it with the vendor's tool, then reboot"},
	{tpm2.TPMRCLocality, "the register or key is reserved for another locality: choose another register"},
	{tpm2.TPMRCCanceled, "the driver gave the command up because it took too long: ask again; if it stays so, power the host off and on"},
}

// explain adds the fix to errors for which there is one.
func explain(err error) error {
	if errors.Is(err, tpm2.TPMRCAuthFail) || errors.Is(err, tpm2.TPMRCBadAuth) {
		return fmt.Errorf("%w: %w: clear the endorsement hierarchy's password (tpm2_changeauth -c endorsement)", ErrNeedsAuth, err)
	}
	for _, r := range remedies {
		if errors.Is(err, r.rc) {
			return fmt.Errorf("%w: %s", err, r.fix)
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: the TPM has not answered in time; the command goes on in the chip: %s", err, stuck)
	case errors.Is(err, errTransport):
		return fmt.Errorf("%w: the kernel's log says why (dmesg | grep -i tpm); a software TPM must be started again", err)
	case errors.Is(err, ErrBroken):
		return fmt.Errorf("%w: ask again; if it happens again update the TPM's driver or firmware, or power the host off and on", err)
	}
	return err
}

// stuck is what to do about a TPM that has a command and does not come back.
const stuck = "if it does not come back power the host off and on, or start the software TPM again"
