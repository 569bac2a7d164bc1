package host

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/hallmark-attest/hallmark/internal/proc"
)

const dmiDir = "sys/class/dmi/id/"

// dmi reads the firmware's description of the board (SMBIOS types 0 to 3).
func (w *reading) dmi() *DMI {
	if _, err := fs.Stat(w.Root, strings.TrimSuffix(dmiDir, "/")); err != nil {
		w.absent.Err("dmi", err)
		return nil
	}
	d := &DMI{}
	fields := []struct {
		name string
		to   *string
	}{
		{"sys_vendor", &d.SysVendor}, {"product_name", &d.ProductName}, {"board_name", &d.BoardName}, {"bios_vendor", &d.BIOSVendor},
		{"bios_version", &d.BIOSVersion}, {"bios_date", &d.BIOSDate}, {"chassis_type", &d.ChassisType},
		{"product_serial", &d.ProductSerial}, {"board_serial", &d.BoardSerial}, {"chassis_serial", &d.ChassisSerial},
	}
	if !w.Serials {
		fields = fields[:7]
	}
	for _, f := range fields {
		w.optional("dmi."+f.name, dmiDir+f.name, f.to)
	}
	return d
}

// kernel reads the switches that say who may still change the running kernel.
func (w *reading) kernel() (k Kernel) {
	var s string
	w.optional("kernel.lockdown", "sys/kernel/security/lockdown", &s)
	if s != "" {
		if k.Lockdown = selected(s); k.Lockdown == "" {
			w.absent.Err("kernel.lockdown", fmt.Errorf("%q: %w", s, proc.ErrSyntax))
		}
	}
	s = ""
	w.optional("kernel.module_sig_enforce", "sys/module/module/parameters/sig_enforce", &s)
	if s == "Y" || s == "N" {
		yes := s == "Y"
		k.SigEnforce = &yes
	} else if s != "" {
		w.absent.Err("kernel.module_sig_enforce", fmt.Errorf("%q: %w", s, proc.ErrSyntax))
	}
	s = ""
	w.optional("kernel.taint", "proc/sys/kernel/tainted", &s)
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		k.Taint = &n
	} else if s != "" {
		w.absent.Err("kernel.taint", fmt.Errorf("%q: %w", s, proc.ErrSyntax))
	}
	w.imaPolicy(&k)
	if w.Cmdline {
		w.optional("kernel.command_line", "proc/cmdline", &k.Cmdline)
	}
	return k
}

// selected returns the bracketed word of "none [integrity] confidentiality".
func selected(s string) string {
	_, rest, _ := strings.Cut(s, "[")
	word, _, ok := strings.Cut(rest, "]")
	if ok && (word == "none" || word == "integrity" || word == "confidentiality") {
		return word
	}
	return ""
}

// imaPolicy digests the loaded IMA policy. The file can be read only by root and
// only where CONFIG_IMA_READ_POLICY is set; its absence is common.
func (w *reading) imaPolicy(k *Kernel) {
	b, err := w.raw("sys/kernel/security/ima/policy", maxIMAPolicy)
	if err != nil {
		w.absent.Err("kernel.ima_policy", err)
		return
	}
	sum := sha256.Sum256(b)
	rules := uint64(bytes.Count(b, []byte("\n")))
	k.IMAPolicySHA256, k.IMAPolicyRules = sum[:], &rules
}
