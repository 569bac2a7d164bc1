#!/bin/busybox sh
# The first and only process of verity.sh's guest: modules, the scratch disk, the tests, a verdict, off. A kernel's lines may come
# between those of the tests: both write to the console.
set -o pipefail
/bin/busybox mkdir -p /proc /sys /dev /mnt /tmp
/bin/busybox --install -s /bin
export PATH=/bin

tests() {
  mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t devtmpfs dev /dev || return 1
  exec </dev/console >/dev/console 2>&1
  while read -r module; do
    insmod "/modules/$module" || return 1
  done </modules/order
  for _ in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/vda ] || sleep 1; done
  mount -t ext4 /dev/vda /mnt || return 1
  echo "verity: Linux $(uname -r), $(grep ' /mnt ' /proc/mounts), uid $(id -u)"
  export HALLMARK_VERITY_DIR=/mnt HALLMARK_VERITY_DEVICE=/dev/vda
  engine.test -test.v -test.run "$(cat /pattern)" -test.timeout 30m | tee /tmp/said || return 1
  # A test that was skipped has shown nothing, and a pattern that fits none passes.
  passed=$(grep -c '^--- PASS' /tmp/said)
  echo "verity: $passed of $(cat /count) tests passed, $(grep -c -e '--- SKIP' /tmp/said) skipped"
  [ "$passed" = "$(cat /count)" ] && ! grep -q -e '--- SKIP' /tmp/said
}

if tests; then verdict=VERITY-PASSED; else verdict=VERITY-FAILED; fi
dmesg -n 1 # the kernel's lines do not come between
printf '\n%s\n' "$verdict"
sync
poweroff -f
