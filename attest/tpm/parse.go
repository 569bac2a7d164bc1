package tpm

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
)

// ErrForm says that bytes are not the one encoding of the TPM structure they should be.
var ErrForm = errors.New("not a well-formed TPM structure")

// unmarshal decodes exactly one TPM structure. The library stops at the end of
// the structure and accepts, for instance, any non-zero byte as YES, so the value
// is marshalled again and compared: what is checked is then all of what was signed.
// A panic of the library on hostile bytes becomes an error. Its allocations are
// bounded by the limit: sized buffers hold at most 64 KiB each and lists are refused beyond 4096 elements.
func unmarshal[T tpm2.Marshallable, P interface {
	*T
	tpm2.Unmarshallable
}](what string, data []byte, limit int) (v *T, err error) {
	if len(data) == 0 || len(data) > limit {
		return nil, fmt.Errorf("%s: %d bytes, limit %d: %w", what, len(data), limit, ErrForm)
	}
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, fmt.Errorf("%s: %v: %w", what, r, ErrForm)
		}
	}()
	v, err = tpm2.Unmarshal[T, P](data)
	if err != nil {
		return nil, fmt.Errorf("%s: %v: %w", what, err, ErrForm)
	}
	if !bytes.Equal(tpm2.Marshal(*v), data) {
		return nil, fmt.Errorf("%s: trailing bytes or not canonical: %w", what, ErrForm)
	}
	return v, nil
}

// ParseAttest decodes a TPMS_ATTEST (Part 2, 10.12.12) of any type.
func ParseAttest(b []byte) (*tpm2.TPMSAttest, error) {
	return unmarshal[tpm2.TPMSAttest]("tpm attest", b, MaxAttest)
}

// ParseSignature decodes a TPMT_SIGNATURE (Part 2, 11.3.4).
func ParseSignature(b []byte) (*tpm2.TPMTSignature, error) {
	return unmarshal[tpm2.TPMTSignature]("tpm signature", b, MaxSignature)
}

// ParsePublic decodes a TPMT_PUBLIC (Part 2, 12.2.4).
func ParsePublic(b []byte) (*tpm2.TPMTPublic, error) {
	return unmarshal[tpm2.TPMTPublic]("tpm public", b, MaxPublic)
}

// ParseCreationData decodes a TPMS_CREATION_DATA (Part 2, 15.1).
func ParseCreationData(b []byte) (*tpm2.TPMSCreationData, error) {
	return unmarshal[tpm2.TPMSCreationData]("tpm creation data", b, MaxCreationData)
}
