#!/usr/bin/env bash
# Makes the root file system of the guest and prints its directory: packages only, nothing of hallmark yet. Cached by recipe.
. "$(dirname "$0")/lib.sh"
. "$here/recipe.sh"

# mirror prints where apt of this machine gets Debian from; no host is named here.
mirror() {
  local m
  m=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F'|' '$1 == "Debian" && $2 == "Debian" && $3 == "main" { print $4; exit }')
  # Before the first `apt-get update` the origin is not known.
  [ -n "$m" ] || m=$(apt-get indextargets --format '$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F'|' '$1 == "main" && $2 ~ /\/debian\/?$/ { print $2; exit }')
  [ -n "$m" ] || die "apt of this machine has no Debian mirror; set HALLMARK_VM_MIRROR"
  printf '%s\n' "$m"
}

make_rootfs() {
  local to=$1 from include
  from=${HALLMARK_VM_MIRROR:-$(mirror)}
  include=$(IFS=,; echo "${packages[*]}")
  timeout "$download_limit" debootstrap --variant=minbase --include="$include" "$suite" "$to" "$from" >"$vm/debootstrap.log" 2>&1 ||
    { tail -20 "$vm/debootstrap.log" >&2; die "debootstrap from $from"; }
  # Of the guest's own release, whatever this machine runs.
  chroot "$to" sh -c "apt-get update -qq && mkdir /signed && cd /signed && apt-get download -qq ${signed[*]}" >>"$vm/debootstrap.log" 2>&1
  for deb in "$to"/signed/*.deb; do dpkg-deb -x "$deb" "$to/signed"; done
  chroot "$to" dpkg-query -W >"$to/signed/manifest.txt"
  rm -rf "$to"/signed/*.deb "$to"/var/cache/apt/* "$to"/var/lib/apt/lists/* "$to"/var/log/*.log "$to"/var/log/apt
}

dir=$vm/cache/rootfs-$(key_of vm/recipe.sh vm/rootfs.sh)
if [ ! -d "$dir" ]; then
  mkdir -p "$vm/cache"
  rm -rf "$vm"/cache/rootfs-* # of other recipes, and what was broken off
  step "debootstrap $suite" make_rootfs "$dir.part"
  mv "$dir.part" "$dir"
fi
printf '%s\n' "$dir"
