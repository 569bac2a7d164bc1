package verify

// tpm says what the enrolled TPM's class limits. Claims and quote were already authenticated.
func (ap *Appraised) tpm(_ *References, _ []byte) (uint64, error) {
	c := ap.auth.tpmClaims
	class := "unknown"
	if n := ap.auth.node; n != nil && n.TPM != nil {
		class = n.TPM.Class
	}
	// A unix: socket is a software TPM, whatever certificate its EK carries.
	if len(c.Device) > 5 && c.Device[:5] == "unix:" {
		class = "virtual"
	}
	switch class {
	case "virtual":
		ap.findings.warn("tpm.class", "TPM class", ap.auth.rootAssurance(), "firmware or discrete", "virtual: "+c.Device)
	default:
		ap.findings.add("tpm.class", "TPM class", None, ap.auth.rootAssurance(), "", class)
	}
	return c.ObtainedAt, nil
}
