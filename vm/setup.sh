#!/usr/bin/env bash
# setup.sh [COMMAND...]: installs what the tests in a guest need on a Debian host, where a command or file is missing; without
# arguments all that `make vmtest` needs. Needs root: debootstrap does too.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || die "run as root: packages are installed, and a root file system is made of files of many users"
command -v apt-get >/dev/null || die "this machine has no apt-get; docs/ima.md names the packages"

declare -A package=(
  [qemu-system-x86_64]=qemu-system-x86 [qemu-img]=qemu-utils [debootstrap]=debootstrap [sfdisk]=fdisk [mcopy]=mtools
  [mkfs.vfat]=dosfstools [mkfs.ext4]=e2fsprogs [debugfs]=e2fsprogs [swtpm]=swtpm [swtpm_setup]=swtpm-tools
  [swtpm_localca]=swtpm-tools [gcc]="gcc libc6-dev" [jq]=jq [curl]=curl
)
missing=()
[ $# -gt 0 ] || [ -e /usr/share/OVMF/OVMF_VARS_4M.ms.fd ] || missing+=(ovmf)
[ $# -gt 0 ] || set -- "${!package[@]}"
for command in "$@"; do
  # swtpm_localca lies in /usr/share/swtpm of some releases; swtpm_setup is of the same package.
  # shellcheck disable=SC2206
  command -v "$command" >/dev/null || [ -x "/usr/share/swtpm/${command/_/-}" ] || missing+=(${package[$command]:?unknown command $command})
done
[ ${#missing[@]} -eq 0 ] && exit 0
say "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
timeout "$download_limit" apt-get update -qq
timeout "$download_limit" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
