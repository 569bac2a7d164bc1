package verify

import "strings"

const classVirtual = "virtual"

// tpmClass is the enrolled TPM's class, "" where the evidence has no TPM. A unix:
// socket is a software TPM, whatever certificate its EK carries.
func (a *Authenticated) tpmClass() string {
	switch {
	case a.tpmClaims == nil:
		return ""
	case strings.HasPrefix(a.tpmClaims.Device, "unix:"):
		return classVirtual
	case a.node != nil && a.node.TPM != nil:
		return a.node.TPM.Class
	}
	return "unknown"
}

// tpm says what the TPM's class limits. Claims and quote were already authenticated.
func (ap *Appraised) tpm(_ *References, _ []byte) (uint64, error) {
	class, by := ap.auth.tpmClass(), ap.auth.rootAssurance()
	if class == classVirtual {
		ap.findings.warn("tpm.class", "TPM class", by, "firmware or discrete", class+": "+ap.auth.tpmClaims.Device)
	} else {
		ap.findings.unknown("tpm.class", "TPM class", by, "", class)
	}
	return ap.auth.tpmClaims.ObtainedAt, nil
}
