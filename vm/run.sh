#!/usr/bin/env bash
# run.sh [SCENARIO...]: boots the guest once for each scenario (default: all), asks its agent and compares what verify says with
# the table in scenarios.sh. The newest package in dist/ is tested, or HALLMARK_VM_DEB; bin/hallmark judges. `make vmtest` does all.
. "$(dirname "$0")/lib.sh"
. "$here/scenarios.sh"

hallmark() { "${HALLMARK_VM_BIN:-$repo/bin}/hallmark" "$@"; }

# fork NAME: private copies of the disks, to be changed before the boot, as somebody would who has the machine.
fork() {
  out=$vm/runs/$1
  rm -rf "$out"
  mkdir -p "$out"
  cp --sparse=always --reflink=auto "$image/esp.img" "$image/root.img" "$out/"
}

# in_esp FILE SED-SCRIPT: edits a file of the forked boot disk.
in_esp() {
  mcopy -i "$out/esp.img@@1M" "::$1" "$out/edited.old"
  sed "$2" "$out/edited.old" >"$out/edited"
  ! cmp -s "$out/edited.old" "$out/edited" || die "$1: nothing to change"
  mcopy -o -i "$out/esp.img@@1M" "$out/edited" "::$1"
}

# root_fs REQUEST...: edits the forked root file system. debugfs tells of failure in words only.
root_fs() {
  local said
  said=$(printf '%s\n' "$@" | debugfs -w -f - "$out/root.img" 2>&1 | grep -v -e '^debugfs' -e '^Allocated inode' || true)
  [ -z "$said" ] || die "debugfs: $said"
}
link_root() { root_fs "symlink $2 $1"; }
from_root() {
  root_fs "dump $1 $2"
  [ -s "$2" ] || die "no $1 in the image"
}
into_root() { # FILE DESTINATION MODE
  debugfs -w -R "rm $2" "$out/root.img" >/dev/null 2>&1 || true
  root_fs "write $1 $2" "set_inode_field $2 mode $3" "set_inode_field $2 uid 0" "set_inode_field $2 gid 0"
}

# boot NAME: starts the guest in the background and returns when its agent is ready.
boot() {
  local i esp=$image/esp.img root=$image/root.img
  out=$vm/runs/$1
  rm -rf "$out/share" "$out/vars.fd"
  mkdir -p "$out/share"
  [ "${VM_FIRMWARE:-ms}" = nokeys ] || cp "$image/vars.fd" "$out/"
  [ ! -e "$out/esp.img" ] || esp=$out/esp.img root=$out/root.img
  "$here/boot.sh" "$esp" "$root" "$out" &
  guest=$!
  for ((i = 0; i < boot_limit; i++)); do
    [ -e "$out/share/up" ] && curl -sk -m 10 -o /dev/null -f "$url/readyz" && return
    kill -0 "$guest" 2>/dev/null || die "$1: the guest ended before its agent was ready: $out/serial.txt"
    sleep 1
  done
  die "$1: the agent was not ready within $boot_limit s"
}

# capture and power_off speak to vm/guest/usr/lib/vmtest/control.sh.
capture() {
  local i
  : >"$out/share/capture"
  for ((i = 0; i < 200; i++)); do
    [ -e "$out/share/capture" ] || return 0
    sleep 1
  done
  die "the guest took no logs"
}
power_off() {
  : >"$out/share/poweroff"
  wait "$guest" || die "the guest did not end in order"
  guest=
}

ask() {
  hallmark challenge "$url" --key "$vm/keys/validator.key" --node "$vm/node.json" -o "$out/answer.hm" --timeout 5m
}

# whole NAME: a boot from end to end.
whole() {
  boot "$1"
  ask
  capture
  power_off
}

# judge NAME: verify's findings against the table.
judge() {
  local name=$1 wrong=0 word id status seen
  hallmark verify "$out/answer.hm" --node "$vm/node.json" --reference "$vm/reference.json" --tier community --json >"$out/verdict.json" || true
  jq -e .findings "$out/verdict.json" >/dev/null || die "$name: verify gave no findings"
  for word in $(expected | awk -v n="$name" '$1 == n { $1 = ""; print }'); do
    id=${word#!} status=affirming
    [[ $word != *=* ]] || { status=${id#*=} id=${id%%=*}; }
    hallmark rules | grep "^$id " >/dev/null || die "scenarios.sh names $id, which is no finding"
    seen=$(jq -r --arg id "$id" '[.findings[] | select(.id == $id) | .status] | unique | join(" ")' "$out/verdict.json")
    case $word in
    !*) [[ -z $seen || $seen == affirming ]] && continue ;;
    *) [[ " $seen " == *" $status "* ]] && continue ;;
    esac
    say "$name: wanted $word; $id is ${seen:-not among the findings}"
    wrong=1
  done
  files "$name" || { say "$name: not the files that were expected"; wrong=1; }
  return $wrong
}

# files NAME: the IMA list beside the first boot's, by file digest, without hallmark: verify's own check is tested against this.
files() {
  local first=$vm/runs/first/share/ima.txt unknown=$out/unreferenced.txt
  awk 'NR == FNR { known[$4] = 1; next } !($4 in known) { print $4, $5 }' "$first" "$out/share/ima.txt" >"$unknown"
  say "$1: $(wc -l <"$out/share/ima.txt") entries, $(cat "$out/share/violations.txt") violations, $(wc -l <"$unknown") entries with a digest that the first boot has not"
  sed 's/^/vm:   /' "$unknown" >&2
  [ "$(cat "$out/share/violations.txt")" = 0 ] || return 1
  case $1 in
  first | second) [ ! -s "$unknown" ] ;;
  no-secure-boot | command-line) [ "$(awk '{ print $2 }' "$unknown")" = boot_aggregate ] ;;
  other-agent) grep -q "^sha256:$(sha256sum <"$out/agent" | cut -c1-64) " "$unknown" ;;
  tss-script) grep -q "^sha256:$(sha256sum <"$here/attack/forge.py" | cut -c1-64) " "$unknown" ;;
  bind-mount) grep -q "^sha256:$(sha256sum <"$out/library" | cut -c1-64) " "$unknown" ;;
  esac
}

one() {
  "$1"
  judge "$1"
}

# alone NAME: in a shell of its own. A scenario that dies takes its guest with it, and the others go on.
alone() (
  trap '[ -z "$guest" ] || kill "$guest" 2>/dev/null || true' EXIT
  one "$1"
)

main() {
  local all failed=() name
  all=$(expected | awk '{ print $1 }')
  # shellcheck disable=SC2086
  [ $# -gt 0 ] || set -- $all
  for name in "$@"; do grep -qx -- "$name" <<<"$all" || die "no scenario $name; there are: ${all//$'\n'/ }"; done
  deb=${HALLMARK_VM_DEB:-$(ls -t "$repo"/dist/*.deb 2>/dev/null | head -1)}
  [ -e "$deb" ] || die "no package: make deb"
  [ -e "$vm/keys/validator.key" ] || hallmark keygen -o "$vm/keys/validator.key"
  image=$("$here/image.sh" "$deb")
  # References and node record are of one image; another one begins with `first`.
  [ "$1" = first ] || [ "$(cat "$vm/reference.image" 2>/dev/null)" = "$image" ] || set -- first "$@"
  for name in "$@"; do
    step "$name" "$here/run.sh" --alone "$name" "$image" || { failed+=("$name"); [ "$name" != first ] || break; }
    [ "$name" != first ] || echo "$image" >"$vm/reference.image"
  done
  [ ${#failed[@]} = 0 ] || die "failed: ${failed[*]}; transcripts in $vm/runs"
  say "all scenarios as expected; transcripts in $vm/runs, times in $vm/timings.tsv"
}

# free_port: one on loopback that nobody listens on now.
free_port() {
  local p
  for ((p = 17443; p < 17543; p++)); do
    (: <>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo $p; return; }
  done
  die "no free port"
}

mkdir -p "$vm/keys" "$vm/runs"
export VM_PORT=${VM_PORT:-$(free_port)}
url=https://127.0.0.1:$VM_PORT
out='' guest='' image=''
if [ "${1:-}" = --alone ]; then # by main, for one scenario: a process of its own, so that set -e holds in it
  image=$3
  alone "$2"
else
  main "$@" 2> >(tee -a "$vm/transcript.txt" >&2)
fi
