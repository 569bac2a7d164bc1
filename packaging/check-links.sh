#!/usr/bin/env bash
# Proves how the programs are linked: check-links.sh AGENT HALLMARK PROBE
set -euo pipefail
agent=$1 hallmark=$2 probe=$3
fail() { echo "check-links: $*" >&2; exit 1; }
has() { [[ $1 == *"$2"* ]]; }

for static in "$agent" "$hallmark"; do
  dynamic=$(readelf -d "$static")
  has "$dynamic" NEEDED && fail "$static is linked dynamically; it must be CGO_ENABLED=0"
  # Go's symbol table is stripped, its function table is not: a linked package leaves its name there.
  grep -qaF 'go-nvml/pkg' "$static" && fail "$static links go-nvml"
done
# Names of NVML calls stand in the agent as text, as the sources of telemetry's fields.

dynamic=$(readelf -d "$probe")
has "$dynamic" BIND_NOW && fail "$probe is bound at start (BIND_NOW): it would die on every host whose driver lacks one symbol; link with -Wl,-z,lazy"
grep -Eq 'FLAGS.*NOW' <<<"$dynamic" && fail "$probe is bound at start (flag NOW); link with -Wl,-z,lazy"
has "$dynamic" libnvidia-ml && fail "$probe names libnvidia-ml as needed; it must open it at run time"
# Without this the two checks above could pass on a program that has nothing to do with NVML.
symbols=$(readelf -W --dyn-syms "$probe")
has "$symbols" 'UND nvmlDeviceGetUUID' || fail "$probe names no NVML symbol: it is not the probe"
grep -qaF 'go-nvml/pkg' "$probe" || fail "$probe does not show go-nvml: the check of the other programs sees nothing either"
echo "links: agent and hallmark static without NVML, probe lazy"
