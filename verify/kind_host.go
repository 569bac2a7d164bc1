package verify

import "github.com/hallmark-attest/hallmark/attest/host"

// host reads the host's claims. They are the owner's word, unless a closed world makes them more.
func (ap *Appraised) host(_ *References, body []byte) (uint64, error) {
	c, err := host.Parse(body)
	if err != nil {
		return 0, err
	}
	ap.hostClaims = c
	return c.ObtainedAt, nil
}

// kernel is what the host states of its kernel, zero where it states nothing.
func (ap *Appraised) kernel() host.Kernel {
	if ap.hostClaims == nil {
		return host.Kernel{}
	}
	return ap.hostClaims.Kernel
}
