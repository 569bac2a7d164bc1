# What the guest is made of. A change here makes a new root file system; the cache is keyed by this file. Sourced, not run.
# shellcheck shell=bash disable=SC2034
suite=bookworm

# python3 plays the engine and an attacker; tpm2-tools take the golden quotes. Neither is what hallmark needs.
packages=(systemd systemd-sysv dbus udev kmod iproute2 linux-image-amd64 tpm2-tools python3)

# Signed by Microsoft and by Debian. Only unpacked: their maintainer scripts would look for firmware of this machine.
signed=(shim-signed grub-efi-amd64-signed)

# Sizes in MiB.
esp_size=128
root_size=1800
