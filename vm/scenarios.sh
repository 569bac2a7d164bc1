# What is booted, and what verify must say of it. Sourced by run.sh, not run.
# shellcheck shell=bash disable=SC2154

# One line each: scenario, then finding=status that must be among the findings, and !finding that must not be there with another
# status than affirming. Scenarios run in this order; `first` makes the references that the others are held against.
expected() {
  cat <<'E'
first          tpm.quote.ok=affirming tpm.ek.certified=affirming channel.bound=affirming engine.weights.loaded=affirming
second         tpm.quote.ok=affirming engine.model.match=affirming engine.executable.match=affirming agent.executable.match=affirming
no-secure-boot tpm.quote.ok=affirming
command-line   tpm.quote.ok=affirming
other-agent    tpm.quote.ok=affirming agent.executable.unknown=none
tss-script     tpm.quote.ok=affirming agent.executable.match=affirming
bind-mount     tpm.quote.ok=affirming
E
}

first() {
  boot first
  hallmark enroll "$url" --key "$vm/keys/validator.key" --ek-roots "$vm/tpm/roots" -o "$vm/node.json" --timeout 5m
  # Before the answer, so that the references know the tools by which the logs are taken.
  capture
  ask
  power_off
  rm -f "$vm/reference.json"
  hallmark reference create "$out/answer.hm" --node "$vm/node.json" -o "$vm/reference.json"
}

# The same disks, started once more: an appliance that came up as before.
second() { whole second; }

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
