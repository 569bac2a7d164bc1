# Talks with the host by the NAMES of files in a share: it reads none and runs none, for whatever is read is a line in the IMA list.
# capture -> writes the logs of this boot beside it; poweroff -> ends the boot in order, so that the TPM's clock stays safe.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin TPM2TOOLS_TCTI=device:/dev/tpmrm0
s=/run/share
mkdir -p $s
mount -t 9p -o trans=virtio,version=9p2000.L share $s || exit 1

capture() {
	# First the quote, then the logs: a list that is read later holds everything that was quoted.
	cd /run
	tpm2_createprimary -Q -C e -G ecc256:ecdsa-sha256:null -c ak.ctx \
		-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign|noda' &&
		tpm2_readpublic -Q -c ak.ctx -f pem -o ak.pem &&
		tpm2_quote -Q -c ak.ctx -l sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15 -g sha256 -F values \
			-q 68616c6c6d61726b000000000000000000000000000000000000000000000000 -m quote.msg -s quote.sig -o quote.pcrs &&
		cp ak.pem quote.msg quote.sig quote.pcrs $s/
	tpm2_pcrread >$s/pcrs.txt
	cat /sys/kernel/security/tpm0/binary_bios_measurements >$s/boot.bin
	cat /sys/kernel/security/ima/binary_runtime_measurements >$s/ima.bin
	cat /sys/kernel/security/ima/ascii_runtime_measurements >$s/ima.txt
	cat /sys/kernel/security/ima/violations >$s/violations.txt
	cat /sys/kernel/security/lockdown /proc/cmdline /proc/uptime >$s/kernel.txt
	od -An -t u1 /sys/firmware/efi/efivars/SecureBoot-* >>$s/kernel.txt
	cat /proc/cpuinfo >$s/cpuinfo.txt
	dmesg >$s/dmesg.txt
	systemctl --no-pager list-units --failed >$s/failed.txt
	journalctl --no-pager -b >$s/journal.txt
	sync
	rm -f $s/capture
}

: >$s/up
while :; do
	[ -e $s/capture ] && capture
	[ -e $s/poweroff ] && exec systemctl poweroff
	sleep 1
done
