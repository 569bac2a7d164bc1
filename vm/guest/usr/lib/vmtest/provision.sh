# Runs once, on a root file system that is still writable: what an administrator does after `apt install hallmark`.
# It removes itself: the image that is measured has no way to run what a share holds.
set -eux
mount -o remount,rw /
mkdir -p /run/share
mount -t 9p -o trans=virtio,version=9p2000.L,ro share /run/share
dpkg -i /run/share/hallmark.deb
systemd-analyze verify hallmark-agent.service || true
install -m 0644 /run/share/agent.yaml /etc/hallmark/agent.yaml
install -m 0644 /run/share/validator.pub /etc/hallmark/validators.d/vmtest.pub
install -d /etc/ima
install -m 0644 /usr/share/hallmark/ima/hallmark.policy /etc/ima/ima-policy
systemctl enable --now hallmark-agent
systemctl is-active hallmark-agent engine
systemctl stop hallmark-agent
systemctl enable vmtest
rm -rf /var/lib/hallmark/* /var/lib/systemd/* /var/log/* /var/tmp/*
rm /etc/systemd/system/vmtest-provision.service /etc/systemd/system/*.wants/vmtest-provision.service /usr/lib/vmtest/provision.sh
umount /run/share
sync
echo VMTEST-PROVISIONED
