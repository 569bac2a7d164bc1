# What is booted, and what verify must say of it. Sourced by run.sh, not run.
# shellcheck shell=bash disable=SC2154

# One line for each answer that is judged: id=status must be among the findings, !id must not. Scenarios run in this order; `first`
# makes the references that the others are held against. GPU claims stay asserted: the guest has no NVIDIA kernel module.
# Clocks are compared with verdicts that are two minutes away, so not in the first scenarios.
expected() {
  cat <<'E'
first          tpm.quote.ok=affirming tpm.ek.certified=affirming channel.bound=affirming boot.replays=affirming secure_boot.on=affirming
first          ima.prefix=affirming runtime.replays=affirming engine.weights.loaded=affirming measured.ima_policy=affirming
second         boot.replays=affirming boot.reference.match=affirming ima.referenced=affirming runtime.replays=affirming
second         engine.model.match=affirming engine.library.match=affirming agent.executable.match=affirming
second         measured.root=affirming measured.boot_log=affirming measured.secure_boot=affirming measured.boot_reference=affirming
second         measured.lockdown=affirming measured.modules=affirming measured.ima_policy=affirming measured.ima_list=affirming
second         measured.ima_violations=affirming measured.ima_entries=affirming measured.agent=affirming measured.inputs=affirming
second         measured.hypervisor=affirming measured.reached=affirming measured.gpu_driver=warning
continued      ima.prefix=affirming ima.referenced=affirming boot.replays=affirming measured.reached=affirming
visible        ima.referenced=affirming measured.hypervisor=warning !measured.reached
no-secure-boot boot.replays=affirming secure_boot.off=warning boot.reference.differs=warning measured.secure_boot=warning !measured.reached
no-secure-boot measured.boot_reference=warning measured.lockdown=warning ima.referenced=affirming
command-line   secure_boot.on=affirming boot.reference.differs=warning measured.boot_reference=warning ima.referenced=affirming !measured.reached
other-agent    clock.continuous=affirming boot.reference.match=affirming agent.executable.unknown=none ima.unreferenced=warning measured.ima_entries=warning !measured.reached
tss-script     clock.continuous=affirming boot.reference.match=affirming agent.executable.match=affirming ima.unreferenced=warning measured.ima_entries=warning !measured.reached
bind-mount     clock.continuous=affirming boot.reference.match=affirming agent.executable.match=affirming ima.unreferenced=warning measured.ima_entries=warning !measured.reached
E
}
scenarios="first second visible no-secure-boot command-line other-agent tss-script bind-mount"

first() {
  boot first
  rm -rf "$vm/node.json" "$vm/reference.json" "$vm/history"
  mkdir "$vm/history"
  hallmark enroll "$url" --key "$vm/keys/validator.key" --ek-roots "$vm/tpm/roots" -o "$vm/node.json" --timeout 5m
  # Before the answer, so that the references know the tools by which the logs are taken.
  capture
  ask first
  power_off
  hallmark reference create "$out/first.hm" --node "$vm/node.json" -o "$vm/reference.json"
  judge first
}

# The same disks, started once more: an appliance that came up as before. Then once more in the same boot, with only the new end of
# each log: the beginning is in the history.
second() {
  boot second
  ask second
  judge second
  ask continued --history "$vm/history"
  judge continued
  capture
  power_off
}

# The same again, and the hypervisor does not hide.
visible() { VM_HYPERVISOR=visible whole visible; }

# Firmware without keys. GRUB's own way past the EFI stub would leave no boot log at all, so it starts the kernel as firmware does.
no-secure-boot() {
  fork no-secure-boot
  in_esp EFI/debian/grub.cfg 's|^linux \(/vmlinuz .*\)|chainloader \1 initrd=\\initrd.img|; /^initrd/d'
  VM_FIRMWARE=nokeys whole no-secure-boot
}

command-line() {
  fork command-line
  in_esp EFI/debian/grub.cfg 's| quiet | quiet module.sig_enforce=0 |'
  whole command-line
}

# Another build of the agent: the same behaviour, other bytes.
other-agent() {
  fork other-agent
  from_root /usr/bin/hallmark-agent "$out/agent"
  printf 'another build' >>"$out/agent"
  into_root "$out/agent" /usr/bin/hallmark-agent 0100755
  whole other-agent
}

# Somebody in group tss loads the very attestation key and quotes claims of his own: the reason why a quote alone makes no claim
# more than asserted. The script is nobody's program, only a file that Python reads.
tss-script() {
  fork tss-script
  into_root "$here/attack/forge.py" /srv/forge.py 0100644
  into_root "$here/attack/forge.service" /etc/systemd/system/forge.service 0100644
  link_root /etc/systemd/system/forge.service /etc/systemd/system/multi-user.target.wants/forge.service
  whole tss-script
  # He did quote, with the key that the control service's own quote is by: the node's.
  local key
  key=$(grep -v -e ----- "$out/share/ak.pem" | tr -d '\n')
  tr -d '\r' <"$out/serial.txt" | grep -aqF "forged claims quoted by $key" || die "tss-script: the forgery did not happen"
}

# Another library over the driver's, by a mount: the path is the old one, the file is not.
bind-mount() {
  fork bind-mount
  from_root /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1 "$out/library"
  printf 'another library' >>"$out/library"
  into_root "$out/library" /srv/libnvidia-ml.so.1 0100755
  into_root "$here/attack/over.service" /etc/systemd/system/over.service 0100644
  link_root /etc/systemd/system/over.service /etc/systemd/system/multi-user.target.wants/over.service
  whole bind-mount
}
