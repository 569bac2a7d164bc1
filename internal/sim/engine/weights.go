package engine

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// File is the name of the weights in a model directory.
const File = "model.safetensors"

// maxHeader is the largest safetensors header that is read; the format's own limit is 100 MB.
const maxHeader = 1 << 20

// tensor is one entry of a safetensors header (github.com/huggingface/safetensors, "Format").
type tensor struct {
	DType   string    `json:"dtype"`
	Shape   [2]uint64 `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// WriteModel writes a model directory: a safetensors file of four square layers of bf16 numbers with the given width,
// drawn from seed, and a configuration beside it. Another seed is another model of the same shape and size.
func WriteModel(dir string, seed uint64, width uint64) error {
	return write(dir, "BF16", 2, seed, width)
}

// WriteDownCast writes a model of the same names and shapes whose numbers are stored in 8 bits, as after a cast to fp8.
func WriteDownCast(dir string, seed uint64, width uint64) error {
	return write(dir, "F8_E4M3", 1, seed, width)
}

// WriteLargeModel writes a model whose numbers are all zero and take no room on the disk: as large as engines' own are, for rules that ask how long
// reading it must take.
func WriteLargeModel(dir string, width uint64) error { return write(dir, "BF16", 2, 0, width) }

// WriteLargeDownCast is the same in 8 bits.
func WriteLargeDownCast(dir string, width uint64) error { return write(dir, "F8_E4M3", 1, 0, width) }

// write makes a model; seed 0 leaves its numbers zero.
func write(dir, dtype string, bytesEach, seed, width uint64) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	const layers = 4
	size := bytesEach * width * width
	header := map[string]tensor{}
	for i := range uint64(layers) {
		header[fmt.Sprintf("model.layers.%d.weight", i)] = tensor{dtype, [2]uint64{width, width}, [2]uint64{i * size, (i + 1) * size}}
	}
	h, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	h = append(h, bytes.Repeat([]byte(" "), (8-len(h)%8)%8)...) // data begins aligned
	file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...)
	whole := int64(len(file)) + int64(layers*size)
	if seed != 0 {
		r := rand.NewPCG(seed, 0)
		for range layers * size / 8 {
			file = binary.LittleEndian.AppendUint64(file, r.Uint64())
		}
	}
	path := filepath.Join(dir, File)
	if err := os.WriteFile(path, file, 0o644); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if err := os.Truncate(path, whole); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	config := fmt.Sprintf("{\"architectures\":[\"Demo\"],\"hidden_size\":%d,\"num_hidden_layers\":%d}\n", width, layers)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o644); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

// checkWeights reads the header of a safetensors file and returns the number of its tensors.
func checkWeights(b []byte) (int, error) {
	if len(b) < 8 {
		return 0, fmt.Errorf("safetensors: %d bytes", len(b))
	}
	n := binary.LittleEndian.Uint64(b)
	if n > maxHeader || n > uint64(len(b)-8) {
		return 0, fmt.Errorf("safetensors: header of %d bytes in a file of %d", n, len(b))
	}
	var header map[string]tensor
	if err := json.Unmarshal(b[8:8+n], &header); err != nil {
		return 0, fmt.Errorf("safetensors: header: %w", err)
	}
	data := uint64(len(b)) - 8 - n
	for name, t := range header {
		if t.Offsets[0] > t.Offsets[1] || t.Offsets[1] > data {
			return 0, fmt.Errorf("safetensors: tensor %q lies outside the file", name)
		}
	}
	return len(header), nil
}
