#!/bin/sh
# deb: configure [OLD-VERSION]; rpm: 1 (install) or 2 (upgrade). DPKG_ROOT is set for an installation into another root.
set -e
root=${DPKG_ROOT:-}

if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers --root="${root:-/}" hallmark.conf
fi
if command -v systemd-tmpfiles >/dev/null 2>&1; then
	systemd-tmpfiles --root="${root:-/}" --create hallmark.conf
fi
[ -z "$root" ] && [ -d /run/systemd/system ] || exit 0

systemctl daemon-reload
case "$1:$2" in
configure: | 1:*)
	# Nothing is started: which validators may ask is the operator's decision.
	echo "hallmark: put validators' .pub files into /etc/hallmark/validators.d, then: systemctl enable --now hallmark-agent"
	;;
*)
	systemctl try-restart hallmark-agent.service
	;;
esac
