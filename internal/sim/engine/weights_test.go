package engine

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func weights(t testing.TB, seed uint64) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := WriteModel(dir, seed, 32); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, File))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestModelsOfOneSeedAreEqualAndOfTwoDiffer(t *testing.T) {
	a, again, other := weights(t, 1), weights(t, 1), weights(t, 2)
	if !bytes.Equal(a, again) || bytes.Equal(a, other) || len(a) != len(other) {
		t.Error("the seed does not decide the model alone")
	}
	if n, err := checkWeights(a); n != 4 || err != nil {
		t.Error(n, err)
	}
	if data := binary.LittleEndian.Uint64(a) + 8; data%8 != 0 || uint64(len(a))-data != 4*2*32*32 {
		t.Errorf("data begins at %d of %d", data, len(a))
	}
}

func TestDownCastHasTheSameTensorsInHalfTheBytes(t *testing.T) {
	dir := t.TempDir()
	if err := WriteDownCast(dir, 1, 32); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, File))
	if err != nil {
		t.Fatal(err)
	}
	n, err := checkWeights(b)
	if n != 4 || err != nil || uint64(len(b))-8-binary.LittleEndian.Uint64(b) != 4*32*32 || !bytes.Contains(b, []byte(`"F8_E4M3"`)) {
		t.Error(n, err, len(b))
	}
}

func TestCheckWeightsRefusesHeadersThatLie(t *testing.T) {
	good := weights(t, 1)
	long := bytes.Clone(good)
	binary.LittleEndian.PutUint64(long, 1<<40)
	for name, b := range map[string][]byte{
		"empty": nil, "only a length": good[:8], "header beyond the file": long, "data cut off": good[:len(good)-1],
		"not JSON": bytes.Replace(good, []byte("{"), []byte("<"), 1),
	} {
		if _, err := checkWeights(b); err == nil || !strings.HasPrefix(err.Error(), "safetensors: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCheckWeights(f *testing.F) {
	good := weights(f, 1)
	f.Add(good)
	f.Add(good[:300])
	f.Add(binary.LittleEndian.AppendUint64(nil, 1<<63))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := checkWeights(b); err == nil && (n < 0 || len(b) < 8) {
			t.Errorf("%d tensors in %d bytes", n, len(b))
		}
	})
}
