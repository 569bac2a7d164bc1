package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// weightsFile writes a safetensors file with one matrix of n numbers.
func weightsFile(t testing.TB, name, dtype string, bytesEach, n int) {
	t.Helper()
	h := fmt.Sprintf(`{"model.layers.0.mlp.up_proj.weight":{"dtype":%q,"shape":[%d,8],"data_offsets":[0,%d]}}`, dtype, n/8, n*bytesEach)
	b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...)
	write(t, name, string(b)+strings.Repeat("\x01", n*bytesEach))
}

// censused collects until the census of the first model is there, or says for good why not.
func censused(t *testing.T, c *Collector) (*Claims, *attest.Absence) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	ended := make(chan struct{})
	go func() { c.counts.run(ctx); close(ended) }()
	defer func() { cancel(); <-ended }()
	for {
		claims := collect(t, c)
		a := absence(claims, "engines[0].models[0].census")
		if claims.Engines[0].Models[0].Census != nil {
			return claims, nil
		}
		if a == nil || a.Reason != attest.NotYet {
			return claims, a
		}
		if ctx.Err() != nil {
			t.Fatal(a)
		}
		time.Sleep(time.Millisecond)
	}
}

func counter(t *testing.T, dir string) *Collector {
	return collector(t, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://127.0.0.1:1", Models: []string{dir}})
}

func TestCensusIsReadInTheBackgroundAndStatedAfterwards(t *testing.T) {
	dir := t.TempDir()
	weightsFile(t, filepath.Join(dir, "model.safetensors"), "BF16", 2, 64)
	c := counter(t, dir)
	first := collect(t, c)
	if a := absence(first, "engines[0].models[0].census"); a == nil || a.Reason != attest.NotYet || first.Engines[0].Models[0].Census != nil || !first.Engines[0].Models[0].Complete {
		t.Fatalf("the first answer waited for headers: %+v", first)
	}
	claims, a := censused(t, c)
	m := claims.Engines[0].Models[0]
	if a != nil || m.Census == nil || m.Census.Parameters != 64 || m.Census.ByType[0].Type != "bf16" {
		t.Fatalf("%+v, %+v", a, m.Census)
	}
	if absence(claims, "engines[0].models[0].census.config") == nil {
		t.Error("what the census lacks is not said")
	}
}

func TestCensusOfOtherFilesIsNotStatedForAModel(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "model.safetensors")
	weightsFile(t, name, "BF16", 2, 64)
	c := counter(t, dir)
	if claims, _ := censused(t, c); claims.Engines[0].Models[0].Census == nil {
		t.Fatal("no census")
	}
	weightsFile(t, name, "F8_E4M3", 1, 64)
	if m := collect(t, c).Engines[0].Models[0]; m.Census != nil || !m.Complete {
		t.Fatalf("a census of files that are gone: %+v", m)
	}
	claims, _ := censused(t, c)
	if m := claims.Engines[0].Models[0]; m.Census == nil || m.Census.ByType[0].Type != "fp8-e4m3" {
		t.Fatalf("%+v", m.Census)
	}
}

// Files are exchanged between the manifest and the reading of headers.
func TestExchangedFileIsNotCountedForTheMeasuredOne(t *testing.T) {
	for name, exchange := range map[string]func(t *testing.T, file string){
		"same size":    func(t *testing.T, f string) { weightsFile(t, f, "F8_E5M2", 2, 64) },
		"another size": func(t *testing.T, f string) { weightsFile(t, f, "F8_E5M2", 1, 64) },
		"removed": func(t *testing.T, f string) {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "model.safetensors")
		weightsFile(t, file, "BF16", 2, 64)
		c := counter(t, dir)
		collect(t, c)
		exchange(t, file)
		k := c.counts.take()
		if c.counts.count(t.Context(), k) {
			t.Errorf("%s: counted", name)
		}
		if c.counts.finish(k, false); c.counts.kept[dir] != nil {
			t.Errorf("%s: kept", name)
		}
	}
}

func TestFileThatChangesWhileItsHeaderIsReadIsNotCounted(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "model.safetensors")
	weightsFile(t, file, "BF16", 2, 64)
	m := must(Measure(t.Context(), dir, nil))
	_, _, err := takeCensus(t.Context(), dir, m, func(*os.File, fileKey, Entry) error {
		return os.Chtimes(file, time.Time{}, time.Unix(1, 0))
	})
	if !errors.Is(err, errMoved) {
		t.Fatal(err)
	}
}

// A file that changed within the clock tick of its hashing may have other bytes under the same times.
func TestYoungFileIsNotCountedBeforeItIsHashedAgain(t *testing.T) {
	dir := t.TempDir()
	weightsFile(t, filepath.Join(dir, "model.safetensors"), "BF16", 2, 64)
	now := time.Now
	c := collector(t, live, DigestOptions{Now: func() time.Time { return now() }}, EngineConfig{Name: "main", Endpoint: "http://127.0.0.1:1", Models: []string{dir}})
	collect(t, c)
	k := c.counts.take()
	if c.counts.count(t.Context(), k) {
		t.Error("counted while young")
	}
	c.counts.finish(k, false)
	now = ahead
	if claims, a := censused(t, c); claims.Engines[0].Models[0].Census == nil {
		t.Errorf("never counted: %+v", a)
	}
}

func TestModelWithoutHeadersHasAnAbsenceAndIsTriedAgainLater(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "pytorch_model.bin"), "pickle")
	c := counter(t, dir)
	claims, a := censused(t, c)
	if a == nil || a.Reason != attest.NotSupported || claims.Engines[0].Models[0].Census != nil {
		t.Fatalf("%+v", a)
	}
	if collect(t, c); len(c.counts.queue) != 0 {
		t.Error("tried again at once")
	}
	c.counts.kept[dir].at = time.Now().Add(-2 * censusRetry)
	if collect(t, c); len(c.counts.queue) != 1 {
		t.Error("never tried again")
	}
}

func TestCensusOfAnIncompleteModelIsAbsent(t *testing.T) {
	dir := t.TempDir()
	weightsFile(t, filepath.Join(dir, "model.safetensors"), "BF16", 2, 64)
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "x")); err != nil {
		t.Fatal(err)
	}
	c := counter(t, dir)
	claims := collect(t, c)
	if a := absence(claims, "engines[0].models[0].census"); a == nil || a.Reason != attest.Failed || len(c.counts.queue) != 0 {
		t.Fatalf("%+v", a)
	}
}

func TestCensusCommandCountsWhatTheManifestNames(t *testing.T) {
	dir := t.TempDir()
	weightsFile(t, filepath.Join(dir, "model.safetensors"), "BF16", 2, 64)
	m := must(Measure(t.Context(), dir, nil))
	weightsFile(t, filepath.Join(dir, "more.safetensors"), "BF16", 2, 64)
	c, _, err := Census(t.Context(), dir, m)
	if err != nil || c == nil || c.Parameters != 64 {
		t.Fatalf("%+v, %v", c, err)
	}
	weightsFile(t, filepath.Join(dir, "model.safetensors"), "BF16", 2, 128)
	if _, _, err := Census(t.Context(), dir, m); !errors.Is(err, errMoved) {
		t.Fatal(err)
	}
}
