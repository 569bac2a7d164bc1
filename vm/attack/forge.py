"""Quotes invented claims with the node's own attestation key. Needs group tss, nothing else: no root, no secret, no program of its own."""
import hashlib
import os
import subprocess

os.environ["TPM2TOOLS_TCTI"] = "device:/dev/tpmrm0"


def tpm2(*args):
    subprocess.run(["tpm2", *args], check=True, capture_output=True)


claims = hashlib.sha256(b"eight GPUs that are not there").hexdigest()
# CreatePrimary gives whoever asks the same key again: docs/decisions/0003.
tpm2("createprimary", "-C", "e", "-G", "ecc256:ecdsa-sha256:null", "-c", "ak.ctx",
     "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign|noda")
tpm2("readpublic", "-c", "ak.ctx", "-f", "pem", "-o", "ak.pem")
tpm2("quote", "-c", "ak.ctx", "-l", "sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15", "-g", "sha256", "-q", claims, "-m", "q.msg", "-s", "q.sig")
print("forged claims quoted by", "".join(open("ak.pem").read().splitlines()[1:-1]))
