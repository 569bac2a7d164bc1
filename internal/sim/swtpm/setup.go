package swtpm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// setup manufactures the TPM: seeds, PCR banks and the certificates swtpm knows how to make.
func (t *TPM) setup(o Options) error {
	tool, err := exec.LookPath("swtpm_localca")
	if err != nil {
		return fmt.Errorf("software TPM: %w", err)
	}
	files := map[string]string{
		"localca.conf": fmt.Sprintf("statedir = %s\nsigningkey = %s\nissuercert = %s\ncertserial = %s\n",
			filepath.Dir(t.authority.keyFile()), t.authority.keyFile(), t.authority.issuerFile(), t.authority.serialFile()),
		"localca.options": "--platform-manufacturer Hallmark\n--platform-version 1.0\n--platform-model Demo\n",
		"setup.conf": fmt.Sprintf("create_certs_tool = %s\ncreate_certs_tool_config = %s\ncreate_certs_tool_options = %s\nactive_pcr_banks = sha256,sha384\n",
			tool, filepath.Join(t.dir, "localca.conf"), filepath.Join(t.dir, "localca.options")),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(t.dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("software TPM: %w", err)
		}
	}
	log := filepath.Join(t.dir, "setup.log")
	args := []string{"--tpm2", "--tpmstate", filepath.Join(t.dir, "state"), "--overwrite",
		"--config", filepath.Join(t.dir, "setup.conf"), "--logfile", log}
	if !o.WithoutCertificates {
		args = append(args, "--create-ek-cert")
	}
	t.authority.mu.Lock()
	defer t.authority.mu.Unlock()
	if out, err := exec.Command("swtpm_setup", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("software TPM: swtpm_setup: %w: %s\n%s", err, out, tail(log))
	}
	return nil
}
