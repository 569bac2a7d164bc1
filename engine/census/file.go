package census

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

// File is one file of a model as its manifest names it: path relative to the
// model's root, with slashes.
type File struct {
	Path string
	Size uint64
	Open func(context.Context) (Source, error)
}

// Source is an open file. ReadAt is asked for headers and small JSON files only.
type Source interface {
	io.ReaderAt
	io.Closer
}

// role is what a file is to the census, by its name.
type role int

const (
	roleNone role = iota
	roleTensors
	roleGGUF
	roleIndex
	roleConfig
	roleOther // weights in a format that is not read
)

func roleOf(p string) role {
	base := path.Base(p)
	switch {
	case strings.HasSuffix(base, ".safetensors"):
		return roleTensors
	case strings.HasSuffix(base, ".gguf"):
		return roleGGUF
	case strings.HasSuffix(base, ".safetensors.index.json"):
		return roleIndex
	case base == "config.json" || companions[base] != "":
		return roleConfig
	}
	for _, ext := range []string{".pt", ".pth", ".ckpt", ".onnx", ".engine", ".npz", ".h5", ".msgpack", ".pdparams", ".tflite", ".nemo"} {
		if strings.HasSuffix(base, ext) {
			return roleOther
		}
	}
	if strings.HasSuffix(base, ".bin") && (strings.HasPrefix(base, "pytorch_model") || strings.HasPrefix(base, "model")) {
		return roleOther
	}
	return roleNone
}

// adapter: weights that change a model and are none.
func adapter(p string) bool { return strings.HasPrefix(path.Base(p), "adapter_model.") }

// with opens a file, hands it on and closes it.
func (f File) with(ctx context.Context, use func(io.ReaderAt) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.Size > MaxFileBytes {
		return &limitError{"file", MaxFileBytes}
	}
	src, err := f.Open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(use(src), src.Close())
}

// reason says why a file could not be read, or what is wrong with it.
func reason(err error) attest.Reason {
	var over *limitError
	switch {
	case errors.Is(err, errNone):
		return attest.NotPresent
	case errors.Is(err, errFormat):
		return attest.NotSupported
	case errors.Is(err, errShrunk):
		return attest.Changed
	case errors.As(err, &over):
		return attest.Oversize
	case errors.Is(err, fs.ErrPermission):
		return attest.NotPermitted
	case errors.Is(err, fs.ErrNotExist):
		return attest.NotPresent
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return attest.Timeout
	}
	return attest.Failed
}
