#!/usr/bin/env bash
# Boots Debian's kernel under QEMU's emulation (TCG, never KVM) and runs the tests of package engine that need a kernel with
# fs-verity, on a scratch ext4 disk whose raw device they may damage. `make vmtest-verity`. There is no root file system: an
# initramfs of busybox, three modules and the test binary boots in seconds. Kernel and busybox are unpacked, never installed.
. "$(dirname "$0")/lib.sh"
kernel=linux-image-cloud-amd64 # fs-verity is built in
pattern='^TestKernel'
out=$vm/runs/verity

# debs fetches the kernel and busybox from where apt of this machine gets Debian.
debs() {
  local image
  # The name without a version is an empty package that depends on the newest.
  image=$(apt-cache show --no-all-versions "$kernel" 2>/dev/null | sed -n 's/^Depends: *\(linux-image-[^ ,]*\).*/\1/p')
  [ -n "$image" ] || return 1
  timeout "$download_limit" apt-get download -qq -o APT::Sandbox::User=root "$image" busybox-static >"$vm/debs.log" 2>&1
}

unpack() {
  local to=$1 deb
  mkdir -p "$to"
  cd "$to"
  if ! debs; then
    timeout "$download_limit" apt-get update -qq
    debs || { cat "$vm/debs.log" >&2 || true; die "apt of this machine has no $kernel or busybox-static for this architecture"; }
  fi
  for deb in *.deb; do dpkg-deb -x "$deb" .; done
  mv boot/vmlinuz-* vmlinuz
  mv bin/busybox busybox 2>/dev/null || mv usr/bin/busybox busybox
  rm ./*.deb
}

# with_needs MODULE FILE: names the modules, those first that others need, each once; what is built in has no file. depmod's list is
# made when a package is installed, so the modules themselves are asked.
with_needs() {
  local name=$1 to=$2 file need
  # The file of virtio_pci is virtio_pci.ko or virtio-pci.ko, perhaps compressed.
  file=$(find "$cache" -name "${name//[-_]/[-_]}.ko*" -print -quit)
  [ -n "$file" ] || return 0
  ! grep -qx "$name.ko" "$to/order" || return 0
  case $file in
  *.xz) xz -dc "$file" ;;
  *.ko) cat "$file" ;;
  *) die "$file: not a compression that is known here" ;;
  esac >"$to/$name.ko"
  for need in $(tr '\0' '\n' <"$to/$name.ko" | sed -n 's/^depends=//p' | tr ',' ' '); do with_needs "$need" "$to"; done
  echo "$name.ko" >>"$to/order"
}

initramfs() {
  local root=$out/initramfs
  mkdir -p "$root/bin" "$root/modules"
  cp "$cache/busybox" "$root/bin/"
  cp "$here/verity-init.sh" "$root/init"
  chmod 0755 "$root/init"
  : >"$root/modules/order"
  with_needs virtio_pci "$root/modules"
  with_needs virtio_blk "$root/modules"
  with_needs ext4 "$root/modules"
  (cd "$repo" && CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go test -c -trimpath -buildvcs=false -o "$root/bin/engine.test" ./engine)
  echo "$pattern" >"$root/pattern"
  "$root/bin/engine.test" -test.list "$pattern" | grep -c '^Test' >"$root/count"
  (cd "$root" && find . | "$cache/busybox" cpio -o -H newc 2>/dev/null) >"$out/initramfs.cpio"
  rm -r "$root"
  truncate -s 1G "$out/scratch.img"
  mkfs.ext4 -q -b 4096 -O verity "$out/scratch.img"
}

# edd=off: asking the firmware for disks takes longer than the boot. panic=-1 with -no-reboot: a panic ends QEMU.
boot() {
  local qemu rc=0
  timeout -k 10 "$boot_limit" qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 1024 \
    -nodefaults -display none -no-reboot -monitor none -net none \
    -kernel "$cache/vmlinuz" -initrd "$out/initramfs.cpio" -append "console=ttyS0 quiet edd=off panic=-1" \
    -drive if=none,id=scratch,format=raw,cache=unsafe,file="$out/scratch.img" -device virtio-blk-pci,drive=scratch \
    -serial file:"$out/serial.txt" >"$out/qemu.log" 2>&1 &
  qemu=$!
  # shellcheck disable=SC2064
  trap "kill $qemu 2>/dev/null || true" EXIT
  trap 'exit 143' TERM INT
  # Whoever ends this script by its process id alone leaves this subshell (of step) behind: it looks.
  while kill -0 "$qemu" 2>/dev/null; do
    kill -0 $$ 2>/dev/null || exit 143
    sleep 0.5
  done
  wait "$qemu" || rc=$?
  tr -d '\r' <"$out/serial.txt" >"$out/transcript.txt" || true
  # The verdict alone says that the tests ran to their end and none was skipped.
  if [ $rc = 0 ] && grep -qx VERITY-PASSED "$out/transcript.txt"; then return 0; fi
  tail -n 40 "$out/transcript.txt" "$out/qemu.log" >&2 || true
  [ $rc != 124 ] || die "the guest did not power off within $boot_limit s"
  die "the kernel's fs-verity did not pass: $out/transcript.txt (qemu ended with $rc)"
}

cache=$vm/cache/verity-$(key_of vm/verity.sh)
if [ ! -d "$cache" ]; then
  mkdir -p "$vm/cache"
  rm -rf "$vm"/cache/verity-* # of other versions of this script, and what was broken off
  step "fetch a kernel and busybox" unpack "$cache.part"
  mv "$cache.part" "$cache"
fi
rm -rf "$out"
mkdir -p "$out"
step "make the guest of fs-verity" initramfs
step "fs-verity in the guest" boot
rm -f "$out/scratch.img" "$out/initramfs.cpio"
grep -E -e '^--- |^verity: |medians of|(read|proof) of block|root, ' "$out/transcript.txt" >&2
say "the kernel's fs-verity is as the tests expect; transcript in $out/transcript.txt"
