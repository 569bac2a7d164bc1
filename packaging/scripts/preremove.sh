#!/bin/sh
# deb: remove or upgrade; rpm: 0 (remove) or 1 (upgrade).
set -e
[ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ] || exit 0
case "$1" in
remove | 0) systemctl disable --now hallmark-agent.service || true ;;
esac
