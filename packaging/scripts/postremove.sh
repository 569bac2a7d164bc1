#!/bin/sh
# deb: remove, purge, upgrade, ...; rpm: 0 (remove) or 1 (upgrade).
set -e
root=${DPKG_ROOT:-}
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
if [ "$1" = purge ]; then
	# The node key goes with it: a host without TPM is another node afterwards.
	rm -rf "$root/var/lib/hallmark"
	rmdir "$root/etc/hallmark/validators.d" "$root/etc/hallmark" 2>/dev/null || true
fi
