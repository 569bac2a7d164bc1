#!/usr/bin/env bash
# Proves how the programs are linked: check-links.sh AGENT HALLMARK PROBE
set -euo pipefail
agent=$1 hallmark=$2 probe=$3
fail() { echo "check-links: $*" >&2; exit 1; }

for static in "$agent" "$hallmark"; do
  readelf -d "$static" | grep -q NEEDED && fail "$static is linked dynamically; it must be CGO_ENABLED=0"
  # Go's symbol table is stripped, its function table is not: a linked package leaves its name there.
  grep -qaF 'nvmlDeviceGet' "$static" && fail "$static carries NVML symbols"
  grep -qaF 'go-nvml/pkg' "$static" && fail "$static links go-nvml"
done
readelf -d "$probe" | grep -Eq 'BIND_NOW|FLAGS.*NOW' && fail "$probe is bound at start (BIND_NOW): it would die on every host whose driver lacks one symbol; link with -Wl,-z,lazy"
readelf -d "$probe" | grep -q 'libnvidia-ml' && fail "$probe names libnvidia-ml as needed; it must open it at run time"
readelf -Ws --dyn-syms "$probe" | grep -q 'UND nvmlInit_v2\|UND nvmlDeviceGetUUID' || fail "$probe names no NVML symbol: the check itself is broken, or the probe is"
echo "links: agent and hallmark static without NVML, probe lazy"
