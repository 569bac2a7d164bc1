#!/usr/bin/env bash
# Installs the Debian/Ubuntu packages of the commands named as arguments, where a command is missing.
set -euo pipefail

declare -A package=(
  [gcc]="gcc libc6-dev" [swtpm]=swtpm [swtpm_setup]=swtpm-tools [tpm2_checkquote]="tpm2-tools" [fsverity]=fsverity [b3sum]=b3sum [prometheus-node-exporter]=prometheus-node-exporter [readelf]=binutils
)
missing=()
for cmd in "$@"; do
  command -v "$cmd" >/dev/null 2>&1 || missing+=(${package[$cmd]:?unknown command $cmd})
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "hallmark: this machine has no apt-get; install these by hand, then run make again: ${missing[*]}" >&2
  exit 1
fi
sudo=
if [ "$(id -u)" -ne 0 ]; then
  sudo=$(command -v sudo) || { echo "hallmark: not root and no sudo; ask an administrator to run: apt-get install ${missing[*]}" >&2; exit 1; }
fi
echo "hallmark: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
$sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
