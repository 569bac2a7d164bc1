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

# ask ANSWER [FLAG...]: until nothing is missing for want of time: the agent hashes files in the background, reads the host every ten
# seconds, first perhaps before its GPU probe is up, and this machine is slow.
ask() {
  local answer=$out/$1.hm i
  shift
  for ((i = 0; i < 40; i++)); do
    hallmark challenge "$url" --key "$vm/keys/validator.key" --node "$vm/node.json" -o "$answer" --timeout 5m "$@"
    hallmark inspect "$answer" >"$answer.json"
    grep -Eq '"(not-yet|timeout)"|the GPU probe is not running' "$answer.json" || return 0
    sleep 3
  done
  die "the agent's claims stay incomplete: $answer.json"
}

# whole NAME: a boot from end to end, with one answer.
whole() {
  boot "$1"
  ask "$1"
  capture
  power_off
  judge "$1"
}

# judge ANSWER: verify's findings against the table. What is wrong is said, and counted for the end of the scenario.
judge() {
  local verdict=$out/$1.verdict.json word id seen
  hallmark verify "$out/$1.hm" --node "$vm/node.json" --reference "$vm/reference.json" --tier community --json \
    --history "$vm/history" --key "$vm/keys/validator.key" >"$verdict" || true
  [ -s "$verdict" ] && jq -e .findings "$verdict" >/dev/null || die "$1: verify gave no findings"
  for word in $(expected | awk -v n="$1" '$1 == n { $1 = ""; print }'); do
    id=${word#!}
    id=${id%%=*}
    hallmark rules | grep "^$id " >/dev/null || die "scenarios.sh names $id, which is no finding"
    seen=$(jq -r --arg id "$id" '[.findings[] | select(.id == $id) | .status] | unique | join(" ")' "$verdict")
    case $word in
    !*) [ -n "$seen" ] || continue ;;
    *) [[ " $seen " != *" ${word#*=} "* ]] || continue ;;
    esac
    say "$1: wanted $word, but $id is ${seen:-not among the findings}"
    wrong=$((wrong + 1))
  done
}

# files NAME: the IMA list beside the first boot's, by file digest, without hallmark: verify's own check is tested against this.
files() {
  local first=$vm/runs/first/share/ima.txt unknown=$out/unreferenced.txt
  awk 'NR == FNR { known[$4] = 1; next } !($4 in known) { print $4, $5 }' "$first" "$out/share/ima.txt" >"$unknown"
  say "$1: $(wc -l <"$out/share/ima.txt") entries, $(cat "$out/share/violations.txt") violations, $(wc -l <"$unknown") entries with a digest that the first boot has not"
  sed 's/^/vm:   /' "$unknown" >&2
  [ "$(cat "$out/share/violations.txt")" = 0 ] || return 1
  case $1 in
  first | second | visible) [ ! -s "$unknown" ] ;;
  no-secure-boot | command-line) [ "$(awk '{ print $2 }' "$unknown")" = boot_aggregate ] ;;
  other-agent) grep -q "^sha256:$(sha256sum <"$out/agent" | cut -c1-64) " "$unknown" ;;
  tss-script) grep -q "^sha256:$(sha256sum <"$here/attack/forge.py" | cut -c1-64) " "$unknown" ;;
  bind-mount) grep -q "^sha256:$(sha256sum <"$out/library" | cut -c1-64) " "$unknown" ;;
  esac
}

one() {
  "$1"
  files "$1" || { say "$1: not the files that were expected"; wrong=$((wrong + 1)); }
  [ $wrong = 0 ] || return 1
  rm -f "$out/esp.img" "$out/root.img" # two thirds of a gigabyte; kept where something is to be looked into
}

# alone NAME: in a shell of its own. A scenario that dies takes its guest with it, and the others go on.
alone() (
  trap '[ -z "$guest" ] || kill "$guest" 2>/dev/null || true' EXIT
  one "$1"
)

main() {
  local failed=() name
  # shellcheck disable=SC2086
  [ $# -gt 0 ] || set -- $scenarios
  for name in "$@"; do [[ " $scenarios " == *" $name "* ]] || die "no scenario $name; there are: $scenarios"; done
  deb=${HALLMARK_VM_DEB:-$(ls -t "$repo"/dist/*.deb 2>/dev/null | head -1)}
  [ -e "$deb" ] || die "no package: make deb"
  [ -e "$vm/keys/validator.key" ] || hallmark keygen -o "$vm/keys/validator.key"
  image=$("$here/image.sh" "$deb")
  # References and node record are of one image; another one begins with `first`.
  [ "$1" = first ] || [ "$(cat "$vm/reference.image" 2>/dev/null)" = "$image" ] || set -- first "$@"
  for name in "$@"; do
    scenario "$name" || { failed+=("$name"); [ "$name" != first ] || break; }
    [ "$name" != first ] || echo "$image" >"$vm/reference.image"
  done
  [ ${#failed[@]} = 0 ] || die "failed: ${failed[*]}; transcripts in $vm/runs"
  say "all scenarios as expected; transcripts in $vm/runs, times in $vm/timings.tsv"
}

# scenario NAME: once more where the guest's kernel says that the emulated TPM did not answer in time, which a busy
# machine does: what it could not extend is missing from register 10 for good, and the list of that boot cannot replay.
scenario() {
  step "$1" "$here/run.sh" --alone "$1" "$image" && return
  grep -q 'ima: Error Communicating to TPM chip' "$vm/runs/$1/share/dmesg.txt" 2>/dev/null || return
  say "$1: the emulated TPM timed out, the machine is busy; again"
  step "$1" "$here/run.sh" --alone "$1" "$image"
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
out='' guest='' image='' wrong=0
if [ "${1:-}" = --alone ]; then # by main, for one scenario: a process of its own, so that set -e holds in it
  image=$3
  alone "$2"
else
  main "$@" 2> >(tee -a "$vm/transcript.txt" >&2)
fi
