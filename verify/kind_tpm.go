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
	switch {
	case class == classVirtual:
		ap.findings.warn("tpm.class", "TPM class", by, "firmware or discrete", class+": "+ap.auth.tpmClaims.Device)
	case ap.classAccepted():
		ap.findings.unknown("tpm.class", "TPM class", by, "", class)
	default:
		ap.findings.unknown("tpm_class.not_evaluable", "TPM class", by, "firmware or discrete", class)
	}
	return ap.auth.tpmClaims.ObtainedAt, nil
}

// classAccepted reports whether enterprise takes the TPM: firmware or discrete, each with its ceiling.
func (ap *Appraised) classAccepted() bool {
	class := ap.auth.tpmClass()
	return class == "firmware" || class == "discrete"
}
