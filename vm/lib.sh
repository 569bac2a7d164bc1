# Common to the scripts here: places, time limits, log lines. Sourced, not run.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(dirname "$here")
# Everything that is made lies below: caches, TPM, keys, transcripts. It may be deleted at any time.
vm=${HALLMARK_VM:-$repo/build/vm}

# Seconds. A busy machine with two cores boots in one to two minutes; the limits are for what hangs, not for what is slow.
boot_limit=${HALLMARK_VM_BOOT_LIMIT:-600}
download_limit=1800

say() { printf 'vm: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# step NAME COMMAND...: runs it, logs how long it took (milliseconds in timings.tsv). The first thing that fails ends the command,
# which it would not if it stood before || here.
step() {
  local name=$1 from to rc=0
  shift
  from=$(date +%s%3N)
  say "$name ..."
  set +e
  (
    set -e
    "$@"
  )
  rc=$?
  set -e
  to=$(date +%s%3N)
  mkdir -p "$vm"
  printf '%s\t%s\t%d\t%d\n' "$(date -u +%FT%TZ)" "$name" $((to - from)) "$rc" >>"$vm/timings.tsv"
  say "$name: $(((to - from) / 1000)).$(((to - from) % 1000 / 100)) s$([ $rc = 0 ] || echo ", exit status $rc")"
  return $rc
}

# key_of FILE...: 16 hex digits over names below the repository and contents. Directories are walked.
key_of() {
  (cd "$repo" && find "$@" -type f -exec sha256sum {} \; | LC_ALL=C sort) | sha256sum | cut -c1-16
}
