package swtpm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"
)

// PowerCycle ends the program and starts it anew on the same state: loaded objects and PCRs are gone, connections break. It is
// a power cut unless Shutdown came before: the clock then goes on from the last value in NV, up to 70 minutes back, and
// says so (Part 1, "Clock": TPMS_CLOCK_INFO.safe).
func (t *TPM) PowerCycle() error {
	t.process.stop()
	return t.start()
}

// Reset resets the TPM while it runs, as the platform's reset line does, and starts it up. through is the connection
// that has the TPM now; nil makes one, which waits for ever while another client is connected.
func (t *TPM) Reset(through transport.TPM) error {
	if err := t.Init(); err != nil {
		return err
	}
	return t.Startup(through)
}

// Init is the reset line alone: until Startup the TPM refuses every command with TPM_RC_INITIALIZE.
func (t *TPM) Init() error {
	if out, err := exec.Command("swtpm_ioctl", "--unix", t.control(), "-i").CombinedOutput(); err != nil {
		return fmt.Errorf("software TPM: reset: %w: %s", err, out)
	}
	return nil
}

// Startup is what firmware does after a reset: TPM2_Startup(CLEAR). through as for Reset.
func (t *TPM) Startup(through transport.TPM) error {
	through, err := t.client(through)
	if err != nil {
		return err
	}
	if _, err := (tpm2.Startup{StartupType: tpm2.TPMSUClear}).Execute(through); err != nil {
		return fmt.Errorf("software TPM: startup: %w", err)
	}
	return nil
}

// Shutdown is what an orderly kernel does before power goes: TPM2_Shutdown(CLEAR), which saves the clock. through as for Reset.
func (t *TPM) Shutdown(through transport.TPM) error {
	through, err := t.client(through)
	if err != nil {
		return err
	}
	if _, err := (tpm2.Shutdown{ShutdownType: tpm2.TPMSUClear}).Execute(through); err != nil {
		return fmt.Errorf("software TPM: shutdown: %w", err)
	}
	return nil
}

// Clear is TPM2_Clear, as a change of owner does it: the owner's keys are gone, clock and counters begin at zero, and the
// endorsement keys and all that is derived from their seed stay (Part 3, 24.6). through as for Reset.
func (t *TPM) Clear(through transport.TPM) error {
	through, err := t.client(through)
	if err != nil {
		return err
	}
	lockout := tpm2.AuthHandle{Handle: tpm2.TPMRHLockout, Name: tpm2.HandleName(tpm2.TPMRHLockout), Auth: tpm2.PasswordAuth(nil)}
	if _, err := (tpm2.Clear{AuthHandle: lockout}).Execute(through); err != nil {
		return fmt.Errorf("software TPM: clear: %w", err)
	}
	return nil
}

// client connects for each command, so there is nothing to close.
func (t *TPM) client(through transport.TPM) (transport.TPM, error) {
	if through != nil {
		return through, nil
	}
	c, err := linuxudstpm.Open(t.Socket())
	if err != nil {
		return nil, fmt.Errorf("software TPM: %w", err)
	}
	return c, nil
}

// Snapshot cuts the power, copies the state to a new directory and starts the TPM again: what the owner of a virtual machine
// does with its disk.
func (t *TPM) Snapshot(to string) error {
	t.process.stop()
	if err := os.CopyFS(to, os.DirFS(t.state())); err != nil {
		return fmt.Errorf("software TPM: snapshot: %w", err)
	}
	return t.start()
}

// Restore cuts the power and starts the TPM on the state of an earlier Snapshot: the same keys, and a clock and counters that
// went back.
func (t *TPM) Restore(from string) error {
	t.process.stop()
	if err := os.RemoveAll(t.state()); err != nil {
		return fmt.Errorf("software TPM: restore: %w", err)
	}
	if err := os.CopyFS(t.state(), os.DirFS(from)); err != nil {
		return fmt.Errorf("software TPM: restore: %w", err)
	}
	return t.start()
}

func (t *TPM) state() string { return filepath.Join(t.dir, "state") }
