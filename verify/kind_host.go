package verify

import "github.com/hallmark-attest/hallmark/attest/host"

// host reads the host's claims. They are the owner's word in this version.
func (ap *Appraised) host(_ *References, body []byte) (uint64, error) {
	c, err := host.Parse(body)
	if err != nil {
		return 0, err
	}
	return c.ObtainedAt, nil
}
