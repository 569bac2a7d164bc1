#!/usr/bin/env bash
# One boot: boot.sh ESP ROOT OUT. Returns when the guest has powered itself off.
#
#   OUT/share   the guest's only window on this machine (9p); OUT/serial.txt   its console; OUT/vars.fd   the firmware's variables
#   VM_PORT     loopback port here that is port 7443 there
#   VM_KEEP=1   the guest's writes stay in ROOT; else they go with the boot
#   VM_FIRMWARE=ms|nokeys   Microsoft's keys enrolled and Secure Boot on, or no keys at all and Secure Boot off
#   VM_HYPERVISOR=hidden|visible
#
# QEMU's own emulation (TCG), never KVM: firmware with Secure Boot needs System Management Mode, which nested KVM often lacks, and
# what is tested is measured software, not speed.
#
# hidden is the default, and is the ceiling that hallmark prints: the CPUID bit, the hypervisor leaves and the SMBIOS strings by
# which software knows that it runs in a virtual machine are all the hypervisor's to give. One that hides is not seen by any check.
. "$(dirname "$0")/lib.sh"
esp=$1 root=$2 out=$3
mkdir -p "$out/share"

case ${VM_FIRMWARE:-ms} in
ms) vars=OVMF_VARS_4M.ms.fd ;;
nokeys) vars=OVMF_VARS_4M.fd ;;
*) die "VM_FIRMWARE: ms or nokeys" ;;
esac
[ -e "$out/vars.fd" ] || cp "/usr/share/OVMF/$vars" "$out/vars.fd"

case ${VM_HYPERVISOR:-hidden} in
hidden)
  cpu=(-cpu "max,-hypervisor,tcg-cpuid=off,model-id=Hallmark Test CPU"
    -smbios "type=0,vendor=Hallmark Test Firmware,version=1,date=01/01/2026,uefi=on"
    -smbios "type=1,manufacturer=Hallmark,product=Test Node,version=1,serial=0,family=Server"
    -smbios "type=2,manufacturer=Hallmark,product=Test Board,version=1,serial=0"
    -smbios "type=3,manufacturer=Hallmark,version=1,serial=0"
    -smbios "type=4,manufacturer=Hallmark,version=1") ;;
visible) cpu=(-cpu max) ;;
*) die "VM_HYPERVISOR: hidden or visible" ;;
esac
snapshot=on
[ "${VM_KEEP:-0}" = 1 ] && snapshot=off

# QEMU drives the TPM through the control channel alone and initialises it; it ends with QEMU.
swtpm socket --tpm2 --tpmstate dir="$vm/tpm/state" --ctrl type=unixio,path="$out/tpm.ctrl" \
  --log file="$out/swtpm.log" --pid file="$out/swtpm.pid" --terminate --daemon

timeout -k 10 "$boot_limit" qemu-system-x86_64 -machine q35,smm=on -accel tcg,thread=multi "${cpu[@]}" \
  -smp 2 -m 2048 -nodefaults -display none -no-reboot -monitor none \
  -global driver=cfi.pflash01,property=secure,value=on \
  -drive if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd \
  -drive if=pflash,format=raw,unit=1,file="$out/vars.fd" \
  -drive if=none,id=esp,format=raw,file="$esp",snapshot=on -device virtio-blk-pci,drive=esp,bootindex=0 \
  -drive if=none,id=root,format=raw,file="$root",snapshot=$snapshot -device virtio-blk-pci,drive=root \
  -chardev socket,id=tpm,path="$out/tpm.ctrl" -tpmdev emulator,id=tpm0,chardev=tpm -device tpm-crb,tpmdev=tpm0 \
  -fsdev local,id=share,path="$out/share",security_model=none -device virtio-9p-pci,fsdev=share,mount_tag=share \
  -netdev user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:"${VM_PORT:-17443}"-:7443 \
  -device virtio-net-pci,netdev=net,romfile= \
  -device virtio-rng-pci -serial file:"$out/serial.txt" >"$out/qemu.log" 2>&1 &
qemu=$! rc=0
trap 'kill "$qemu" 2>/dev/null || true' EXIT
trap 'exit 143' TERM INT
wait "$qemu" || rc=$?
# swtpm ends by itself when QEMU has closed the channel; one that was left behind would hold the state.
if [ -e "$out/swtpm.pid" ]; then kill "$(cat "$out/swtpm.pid")" 2>/dev/null || true; fi
[ $rc = 0 ] && exit 0
tail -5 "$out/qemu.log" "$out/serial.txt" >&2 || true
[ $rc = 124 ] && die "the guest did not power off within $boot_limit s"
die "qemu ended with $rc"
