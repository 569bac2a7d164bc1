package swtpm

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Options of a software TPM; the zero value has its own authority and the certificates swtpm itself makes.
type Options struct {
	// Authority certifies the endorsement keys; nil makes one in DIR/authority.
	Authority *Authority
	// WithoutCertificates leaves NV empty.
	WithoutCertificates bool
	// Certify adds certificates for these templates, which swtpm does not
	// certify by itself: L-2, H-1, H-2 (it knows L-1 and H-3).
	Certify []string
}

// TPM is a running software TPM.
type TPM struct {
	dir       string
	sockets   string // directory of the sockets; not dir where that is too long for a socket's name
	authority *Authority
	process   *process
}

// maxSocketPath is sizeof(sockaddr_un.sun_path) - 1.
const maxSocketPath = 107

var tools = []string{"swtpm", "swtpm_setup", "swtpm_localca", "swtpm_cert", "swtpm_ioctl"}

// Available reports what is missing on this machine, nil if nothing is.
func Available() error {
	var missing []error
	for _, t := range tools {
		if _, err := exec.LookPath(t); err != nil {
			missing = append(missing, fmt.Errorf("%s not found", t))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("software TPM: %w: apt-get install swtpm swtpm-tools", errors.Join(missing...))
	}
	return nil
}

// Start makes a new software TPM with its state in dir and runs it. Stop ends it; it also ends with this process.
func Start(dir string, o Options) (t *TPM, err error) {
	if err := Available(); err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil { // swtpm fails every command when its paths are relative
		return nil, fmt.Errorf("software TPM: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "state"), 0o700); err != nil {
		return nil, fmt.Errorf("software TPM: %w", err)
	}
	t = &TPM{dir: dir, sockets: dir, authority: o.Authority}
	if t.authority == nil {
		if t.authority, err = NewAuthority(filepath.Join(dir, "authority")); err != nil {
			return nil, err
		}
	}
	if err := t.setup(o); err != nil {
		return nil, err
	}
	if len(t.control()) > maxSocketPath {
		if t.sockets, err = os.MkdirTemp("", "swtpm"); err != nil {
			return nil, fmt.Errorf("software TPM: %w", err)
		}
	}
	if err := t.start(); err != nil {
		return nil, errors.Join(err, t.Stop())
	}
	for _, name := range o.Certify {
		if err := t.certify(name); err != nil {
			return nil, errors.Join(err, t.Stop())
		}
	}
	return t, nil
}

// Socket is the data socket's path: "unix:" + Socket() opens this TPM.
func (t *TPM) Socket() string { return filepath.Join(t.sockets, "sock") }

// control must be named so for the tss2 TCTI "swtpm:path=SOCKET".
func (t *TPM) control() string { return t.Socket() + ".ctrl" }

// Roots is the directory with the certificates of this TPM's authority.
func (t *TPM) Roots() string { return t.authority.Roots() }

// Authority is who certified this TPM's endorsement keys.
func (t *TPM) Authority() *Authority { return t.authority }

func (t *TPM) start() (err error) {
	t.process, err = startProcess(filepath.Join(t.dir, "swtpm.log"), "swtpm", "socket", "--tpm2",
		"--tpmstate", "dir="+t.state(),
		"--server", "type=unixio,path="+t.Socket(),
		"--ctrl", "type=unixio,path="+t.control(),
		"--flags", "not-need-init,startup-clear")
	if err != nil {
		return fmt.Errorf("software TPM: %w", err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("unix", t.Socket())
		if err == nil {
			return c.Close()
		}
		if t.process.ended() || time.Now().After(deadline) {
			return fmt.Errorf("software TPM: did not come up: %w\n%s", err, tail(filepath.Join(t.dir, "swtpm.log")))
		}
	}
}

// Stop ends the TPM as a power cut would. The state stays in its directory.
func (t *TPM) Stop() error {
	t.process.stop()
	if t.sockets != t.dir {
		return os.RemoveAll(t.sockets)
	}
	return nil
}
