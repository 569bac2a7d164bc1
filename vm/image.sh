#!/usr/bin/env bash
# Makes the guest's disks from a package: image.sh PACKAGE.deb, prints the directory with esp.img, root.img and vars.fd.
# One boot installs the package with dpkg, inside the guest; what is measured later is the result of that. Cached by all inputs.
. "$(dirname "$0")/lib.sh"
. "$here/recipe.sh"
deb=$(readlink -f "${1:?usage: image.sh PACKAGE.deb}")

# tree fills directory $1 with the root file system before the package: files of vm/guest, a user, a model, a simulated driver.
tree() {
  local to=$1 unit
  cp -a --reflink=auto "$(rootfs_dir)" "$to"
  cp -r "$here/guest/." "$to/"
  mkdir -p "$to/var/lib/hallmark" "$to/srv/models"
  echo node >"$to/etc/hostname"
  printf '127.0.0.1 localhost node\n' >"$to/etc/hosts"
  printf 'nameserver 10.0.2.3\n' >"$to/etc/resolv.conf"
  # A machine-id that is made anew at each boot would be a file that no reference knows.
  sha256sum <<<"hallmark vm" | cut -c1-32 >"$to/etc/machine-id"
  chroot "$to" useradd --uid 1001 --no-create-home --shell /usr/sbin/nologin engine
  chroot "$to" python3 /usr/lib/vmtest/model.py /srv/models/small
  rm "$to/usr/lib/vmtest/model.py"
  # The project's simulated NVML: GPU claims exist, with all that a driver's library does to a measured host.
  local lib=$to/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1
  gcc -std=gnu11 -O1 -fPIC -shared -fvisibility=hidden -Wl,-soname,libnvidia-ml.so.1 -o "$lib" "$repo"/internal/sim/nvml/c/*.c
  printf 'profile=l40s-2\nseed=1\nload=0\n' >"$lib.conf"
  # No login, and nothing that runs by the clock: an appliance.
  for unit in serial-getty@ttyS0.service getty@tty1.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    fstrim.timer e2scrub_all.timer e2scrub_reap.service systemd-tmpfiles-clean.timer; do
    ln -sf /dev/null "$to/etc/systemd/system/$unit"
  done
  chroot "$to" systemctl -q enable systemd-networkd engine vmtest-provision
  chroot "$to" systemd-hwdb update
  rm -rf "$to"/signed "$to"/var/log/* "$to"/usr/share/doc/* "$to"/usr/share/locale/* "$to"/root/.cache
}

rootfs_dir() { "$here/rootfs.sh"; }

# esp writes the boot disk $1 with the kernel's arguments $2.
esp() {
  local to=$1 arguments=$2 r fat cfg
  r=$(rootfs_dir)
  fat=$to.fat cfg=$to.cfg
  truncate -s "$esp_size"M "$fat"
  mkfs.vfat -F 32 -i 48414c4c -n ESP "$fat" >/dev/null
  mmd -i "$fat" ::EFI ::EFI/BOOT ::EFI/debian
  mcopy -i "$fat" "$r/signed/usr/lib/shim/shimx64.efi.signed" ::EFI/BOOT/BOOTX64.EFI
  mcopy -i "$fat" "$r/signed/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" ::EFI/BOOT/grubx64.efi
  mcopy -i "$fat" "$(ls "$r"/boot/vmlinuz-* | tail -1)" ::vmlinuz
  mcopy -i "$fat" "$(ls "$r"/boot/initrd.img-* | tail -1)" ::initrd.img
  cat >"$cfg" <<C
set timeout=0
search --file /vmlinuz --set=root
linux /vmlinuz $arguments
initrd /initrd.img
boot
C
  mcopy -i "$fat" "$cfg" ::EFI/debian/grub.cfg
  truncate -s $((esp_size + 2))M "$to"
  printf 'label: gpt\nlabel-id: 48414C4C-4D41-524B-0000-000000000001\nstart=1MiB, size=%dMiB, type=uefi, uuid=48414C4C-4D41-524B-0000-000000000002\n' "$esp_size" | sfdisk -q "$to"
  dd if="$fat" of="$to" bs=1M seek=1 conv=notrunc,sparse status=none
  rm "$fat" "$cfg"
}

disks() {
  local d=$1
  tree "$d/tree"
  truncate -s "$root_size"M "$d/root.img"
  mkfs.ext4 -q -L root -U 48414c4c-4d41-524b-0000-000000000003 -E hash_seed=48414c4c-4d41-524b-0000-000000000004 \
    -O verity -m 0 -d "$d/tree" "$d/root.img"
  rm -rf "$d/tree"
  esp "$d/esp.img" "$arguments"
  esp "$d/esp-provision.img" "root=LABEL=root rw console=ttyS0 quiet vmtest.provision"
}

provision() {
  local d=$1
  mkdir -p "$d/provision/share"
  cp "$deb" "$d/provision/share/hallmark.deb"
  cp "$vm/keys/validator.key.pub" "$d/provision/share/validator.pub"
  cp "$here/agent.yaml" "$d/provision/share/"
  VM_KEEP=1 "$here/boot.sh" "$d/esp-provision.img" "$d/root.img" "$d/provision"
  grep -q VMTEST-PROVISIONED "$d/provision/serial.txt" || { tail -40 "$d/provision/serial.txt" >&2; die "the package did not install"; }
  # The variables as the firmware left them: it writes its boot entries once, and they are measured into register 1.
  cp "$d/provision/vars.fd" "$d/vars.fd"
}

# ima_policy=tcb measures until systemd loads /etc/ima/ima-policy.
arguments=${HALLMARK_VM_ARGUMENTS:-root=LABEL=root ro console=ttyS0 quiet ima_policy=tcb}
[ -e "$vm/keys/validator.key.pub" ] || die "no validator key in $vm/keys"
"$here/tpm.sh"
key=$( (key_of vm/recipe.sh vm/rootfs.sh vm/image.sh vm/agent.yaml vm/guest internal/sim/nvml/c
  sha256sum <"$deb"; sha256sum <"$vm/keys/validator.key.pub"; echo "$arguments") | sha256sum | cut -c1-16)
dir=$vm/image-$key
if [ ! -d "$dir" ]; then
  rm -rf "$vm"/image-* # one image is enough: each is a gigabyte
  mkdir -p "$dir.part"
  step "make the disks" disks "$dir.part"
  step "install the package in the guest" provision "$dir.part"
  mv "$dir.part" "$dir"
fi
printf '%s\n' "$dir"
