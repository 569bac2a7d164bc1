package node

import (
	"context"
	"os"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/engine"
)

// Reference measures what `hallmark reference create` would: a model, and the programs in their roles.
func Reference(ctx context.Context, tools Tools, modelName, model, engineName, program string) (*attest.Reference, error) {
	m, err := engine.Measure(ctx, model, nil)
	if err != nil {
		return nil, err
	}
	d, err := m.Digest()
	if err != nil {
		return nil, err
	}
	ref := &attest.Reference{Created: uint64(time.Now().UnixMilli()),
		Models: []attest.ReferenceModel{{Name: modelName, Digest: d, Size: m.Size(), Files: uint64(len(m))}}}
	for _, p := range []attest.ReferenceExecutable{{Name: engineName, Role: attest.RoleEngine}, {Name: "hallmark-agent", Role: attest.RoleAgent},
		{Name: "hallmark-gpuprobe", Role: attest.RoleProbe}} {
		path := map[attest.Role]string{attest.RoleEngine: program, attest.RoleAgent: tools.Agent, attest.RoleProbe: tools.Probe}[p.Role]
		if p.File, err = measureProgram(ctx, path); err != nil {
			return nil, err
		}
		ref.Executables = append(ref.Executables, p)
	}
	return ref, nil
}

func measureProgram(ctx context.Context, path string) (d attest.FileDigest, err error) {
	f, err := os.Open(path)
	if err != nil {
		return d, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return d, err
	}
	d.Size = uint64(st.Size())
	verity, sum, err := fsverity.Both(ctx, f, st.Size(), fsverity.Options{})
	d.FSVerity, d.SHA256 = verity, sum
	return d, err
}
