package tpm

import (
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
)

// errNoIndex says that an NV index is not defined.
var errNoIndex = errors.New("NV index not defined")

const (
	nvChunkMin = 64 // bytes a call where the TPM states nonsense
	nvChunkMax = 1024
)

// readNV reads a whole index of at most limit bytes.
func readNV(l line, index uint32, limit int) ([]byte, error) {
	p, err := tpm2.NVReadPublic{NVIndex: tpm2.TPMHandle(index)}.Execute(l)
	if errors.Is(err, tpm2.TPMRCHandle) {
		return nil, errNoIndex
	}
	if err != nil {
		return nil, fmt.Errorf("NV index %#x: %w", index, err)
	}
	public, err := p.NVPublic.Contents()
	if err != nil {
		return nil, fmt.Errorf("NV index %#x: %w", index, err)
	}
	if !public.Attributes.Written {
		return nil, errNoIndex
	}
	if int(public.DataSize) > limit {
		return nil, fmt.Errorf("NV index %#x: %d bytes, limit %d: %w", index, public.DataSize, limit, errOversize)
	}
	auth, err := nvAuth(public, p.NVName)
	if err != nil {
		return nil, fmt.Errorf("NV index %#x: %w", index, err)
	}
	return readNVData(l, auth, tpm2.NamedHandle{Handle: tpm2.TPMHandle(index), Name: p.NVName}, int(public.DataSize))
}

var errOversize = errors.New("over the limit")

func readNVData(l line, auth tpm2.AuthHandle, index tpm2.NamedHandle, size int) ([]byte, error) {
	chunk := nvChunk(l)
	out := make([]byte, 0, size)
	for len(out) < size {
		n := min(chunk, size-len(out))
		r, err := tpm2.NVRead{AuthHandle: auth, NVIndex: index, Size: uint16(n), Offset: uint16(len(out))}.Execute(l)
		if err != nil {
			return nil, fmt.Errorf("NV read %#x: %w", uint32(index.Handle), err)
		}
		if len(r.Data.Buffer) != n {
			return nil, fmt.Errorf("NV read %#x: asked for %d bytes, got %d", uint32(index.Handle), n, len(r.Data.Buffer))
		}
		out = append(out, r.Data.Buffer...)
	}
	return out, nil
}

// nvAuth picks a way to read that needs no password: EK certificates are readable with the index's own empty one.
func nvAuth(p *tpm2.TPMSNVPublic, name tpm2.TPM2BName) (tpm2.AuthHandle, error) {
	switch {
	case p.Attributes.AuthRead:
		return tpm2.AuthHandle{Handle: p.NVIndex, Name: name, Auth: tpm2.PasswordAuth(nil)}, nil
	case p.Attributes.OwnerRead:
		return tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Name: tpm2.HandleName(tpm2.TPMRHOwner), Auth: tpm2.PasswordAuth(nil)}, nil
	}
	return tpm2.AuthHandle{}, ErrNeedsAuth
}

// nvChunk asks for TPM_PT_NV_BUFFER_MAX (Part 2, 6.13).
func nvChunk(l line) int {
	v, ok := property(l, tpm2.TPMPTNVBufferMax)
	if !ok {
		return nvChunkMin
	}
	return int(min(max(v, nvChunkMin), nvChunkMax))
}

// property reads one TPM property.
func property(l line, p tpm2.TPMPT) (uint32, bool) {
	r, err := tpm2.GetCapability{Capability: tpm2.TPMCapTPMProperties, Property: uint32(p), PropertyCount: 1}.Execute(l)
	if err != nil {
		return 0, false
	}
	list, err := r.CapabilityData.Data.TPMProperties()
	if err != nil || len(list.TPMProperty) == 0 || list.TPMProperty[0].Property != p {
		return 0, false // the TPM answers with the next property when it lacks this one
	}
	return list.TPMProperty[0].Value, true
}
