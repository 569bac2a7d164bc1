#!/usr/bin/env bash
# Manufactures the guest's TPM once: seeds, RSA-2048 and P-384 endorsement keys, certificates from a CA of its own. The host
# enrols the guest with --ek-roots $vm/tpm/roots; the CA's private key stays in $vm/tpm/ca.
. "$(dirname "$0")/lib.sh"

d=$vm/tpm
[ -e "$d/roots/issuer.pem" ] && exit 0
rm -rf "$d"
mkdir -p "$d/ca" "$d/state"
cat >"$d/localca.conf" <<C
statedir = $d/ca
signingkey = $d/ca/signkey.pem
issuercert = $d/ca/issuercert.pem
certserial = $d/ca/certserial
C
cat >"$d/localca.options" <<C
--platform-manufacturer Hallmark
--platform-version 1.0
--platform-model VM
C
cat >"$d/setup.conf" <<C
create_certs_tool = $(command -v swtpm_localca || echo /usr/share/swtpm/swtpm-localca)
create_certs_tool_config = $d/localca.conf
create_certs_tool_options = $d/localca.options
active_pcr_banks = sha256,sha384
C
timeout 120 swtpm_setup --tpm2 --tpmstate "$d/state" --create-ek-cert --lock-nvram --overwrite \
  --config "$d/setup.conf" --logfile "$d/setup.log" >/dev/null || { tail "$d/setup.log" >&2; die "swtpm_setup"; }
mkdir -p "$d/roots"
cp "$d/ca/swtpm-localca-rootca-cert.pem" "$d/roots/root.pem"
cp "$d/ca/issuercert.pem" "$d/roots/issuer.pem"
