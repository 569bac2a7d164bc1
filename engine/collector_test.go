package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

var live = proc.FS{Root: "/proc"}

func roundTrip(t testing.TB, c *Claims) *Claims {
	t.Helper()
	b, err := attest.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func absence(c *Claims, what string) *attest.Absence {
	if i := slices.IndexFunc(c.Absent, func(a attest.Absence) bool { return strings.HasPrefix(a.What, what) }); i >= 0 {
		return &c.Absent[i]
	}
	return nil
}

func needMapFiles(t *testing.T) {
	t.Helper()
	if names, err := os.ReadDir("/proc/self/map_files"); err != nil || len(names) == 0 {
		t.Skip("map_files is not readable here (CAP_CHECKPOINT_RESTORE): exact mappings not exercised")
	} else if _, err := os.Stat("/proc/self/map_files/" + names[0].Name()); err != nil {
		t.Skip("map_files cannot be followed here (CAP_CHECKPOINT_RESTORE): exact mappings not exercised")
	}
}

// model writes a small model and returns its directory and weights file.
func model(t *testing.T) (dir, weights string) {
	t.Helper()
	dir = t.TempDir()
	weights = filepath.Join(dir, "model.safetensors")
	write(t, weights, strings.Repeat("weights ", 10_000))
	write(t, filepath.Join(dir, "config.json"), "{}")
	return dir, weights
}

func TestChainFromEndpointToWeights(t *testing.T) {
	dir, weights := model(t)
	open := filepath.Join(t.TempDir(), "draft.gguf")
	write(t, open, "draft")
	addr, pid := engineProcess(t, []string{"vllm", "serve", dir, "--dtype", "bfloat16", "--api-key", "hunter2"},
		"T_LISTEN=127.0.0.1:0", "T_MAP="+weights, "T_OPEN="+open, "CUDA_VISIBLE_DEVICES=0", "HF_TOKEN=hf_abcdefghijkl")
	cfg := EngineConfig{Name: "main", Endpoint: "http://" + addr, Public: []string{"https://node.example/v1"}, Models: []string{dir}, Declared: Declared{Precision: "bf16", TensorParallel: 1}}
	c := collect(t, collector(t, live, DigestOptions{}, cfg))
	e := c.Engines[0]
	if e.Kind != "vllm" || e.Process == nil || e.Process.PID != uint64(pid) || e.Process.Parent != uint64(os.Getpid()) {
		t.Fatalf("%+v; %+v", e, c.Absent)
	}
	if len(e.Listening) != 1 || e.Listening[0].Address != "127.0.0.1" || e.Listening[0].NetNamespace == 0 {
		t.Errorf("listening: %+v", e.Listening)
	}
	if text(e.Process.Args) != "--dtype=bfloat16;model="+dir+";" || text(e.Process.Environment) != "CUDA_VISIBLE_DEVICES=0;" {
		t.Errorf("arguments %q, environment %q", text(e.Process.Args), text(e.Process.Environment))
	}
	self := must(os.Executable())
	me := must(os.ReadFile(self))
	if x := e.Process.Exe; x == nil || [32]byte(x.SHA256) != sha256.Sum256(me) || [32]byte(x.FSVerity) != tool(t, self) || e.Process.ExeMapped == nil || !*e.Process.ExeMapped {
		t.Errorf("executable: %+v, mapped %v", x, e.Process.ExeMapped)
	}
	if len(e.Weights) != 2 || !slices.ContainsFunc(e.Weights, func(w Weight) bool {
		return w.Path == weights && w.Source == HeldMapped && [32]byte(w.FSVerity) == tool(t, weights)
	}) || !slices.ContainsFunc(e.Weights, func(w Weight) bool { return w.Path == open && w.Source == HeldOpen }) {
		t.Errorf("weights: %+v; %+v", e.Weights, c.Absent)
	}
	want, err := Measure(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m := e.Models[0]; !m.Complete || [32]byte(m.Digest) != must(want.Digest()) || m.Files != 2 || m.Freshness != FreshHashed {
		t.Errorf("model: %+v", m)
	}
	if b := must(attest.Marshal(c)); bytes.Contains(b, []byte("hunter2")) || bytes.Contains(b, []byte("hf_abc")) {
		t.Error("claims hold a secret")
	}
}

func TestSecondCollectOnlyLooksAtStat(t *testing.T) {
	dir, weights := model(t)
	addr, _ := engineProcess(t, []string{"vllm"}, "T_LISTEN=127.0.0.1:0", "T_MAP="+weights, "T_KEEP=1")
	col := collector(t, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://" + addr, Models: []string{dir}})
	first := collect(t, col).Engines[0]
	second := collect(t, col).Engines[0]
	if a, b := first.Models[0].Freshness, second.Models[0].Freshness; a != FreshHashed || b != FreshStat {
		t.Errorf("freshness %q, then %q", a, b)
	}
	if w := second.Weights[0]; w.Source != HeldBoth || w.Freshness != FreshStat || w.DigestAtMs != first.Weights[0].DigestAtMs {
		t.Errorf("%+v", w)
	}
	write(t, weights, strings.Repeat("weightz ", 10_000))
	third := collect(t, col).Engines[0]
	if w := third.Weights[0]; w.Freshness != FreshHashed || bytes.Equal(w.FSVerity, second.Weights[0].FSVerity) || bytes.Equal(third.Models[0].Digest, second.Models[0].Digest) {
		t.Errorf("a changed file kept its digest: %+v", w)
	}
	write(t, weights+".new", "swapped") // the file in use stays, the model on disk is another
	if err := os.Rename(weights+".new", weights); err != nil {
		t.Fatal(err)
	}
	fourth := collect(t, col).Engines[0]
	if bytes.Equal(fourth.Models[0].Digest, third.Models[0].Digest) || len(fourth.Weights) != 1 || !fourth.Weights[0].Deleted || !bytes.Equal(fourth.Weights[0].FSVerity, third.Weights[0].FSVerity) {
		t.Errorf("a swapped file: %+v, model %x", fourth.Weights, fourth.Models[0].Digest)
	}
}

func TestReplacedFileIsMeasuredAsMappedAndMarkedDeleted(t *testing.T) {
	needMapFiles(t)
	dir, weights := model(t)
	old := tool(t, weights)
	addr, _ := engineProcess(t, []string{"x"}, "T_LISTEN=127.0.0.1:0", "T_MAP="+weights)
	write(t, weights+".new", "another model")
	if err := os.Rename(weights+".new", weights); err != nil {
		t.Fatal(err)
	}
	e := collect(t, collector(t, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://" + addr, Models: []string{dir}})).Engines[0]
	if len(e.Weights) != 1 || !e.Weights[0].Deleted || [32]byte(e.Weights[0].FSVerity) != old {
		t.Fatalf("weights in use: %+v", e.Weights)
	}
	i := slices.IndexFunc(e.Models[0].Entries, func(x Entry) bool { return x.Path == "model.safetensors" })
	if i < 0 || e.Models[0].Entries[i].FSVerity == old {
		t.Fatalf("the model on disk is not the one in use, and yet %+v", e.Models[0])
	}
}

func TestLibrariesAreMeasuredOnceForTheWholeTree(t *testing.T) {
	needMapFiles(t)
	lib := filepath.Join(t.TempDir(), "libfake.so")
	write(t, lib, "not really a library")
	_, weights := model(t)
	addr, pid := engineProcess(t, []string{"x"}, "T_LISTEN=127.0.0.1:0", "T_LIB="+lib, "T_WORKER="+weights)
	e := collect(t, collector(t, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://" + addr})).Engines[0]
	if e.Process.PID != uint64(pid) || len(e.Tree) != 1 || e.Tree[0].Parent != uint64(pid) {
		t.Fatalf("tree: %+v of %d", e.Tree, pid)
	}
	var n int
	for _, l := range e.Libraries {
		if l.Path == lib {
			n++
			if !l.Exact || [32]byte(l.FSVerity) != tool(t, lib) || len(l.SHA256) != 32 {
				t.Errorf("%+v", l)
			}
		}
	}
	if n != 1 {
		t.Errorf("library stated %d times among %d", n, len(e.Libraries))
	}
	if len(e.Weights) != 1 || e.Weights[0].Path != weights {
		t.Errorf("the worker's weights: %+v", e.Weights)
	}
}

func TestEndpointsOfBothFamiliesAndWildcards(t *testing.T) {
	for _, c := range []struct{ listen, endpoint string }{{"[::1]:0", "[::1]"}, {"[::]:0", "127.0.0.1"}, {"0.0.0.0:0", "127.0.0.1"}, {"127.0.0.1:0", "localhost"}, {"[::1]:0", "localhost"}, {"127.0.0.2:0", "127.0.0.2"}} {
		addr, pid := engineProcess(t, []string{"x"}, "T_LISTEN="+c.listen)
		port := addr[strings.LastIndex(addr, ":"):]
		e := collect(t, collector(t, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://" + c.endpoint + port})).Engines[0]
		if e.Process == nil || e.Process.PID != uint64(pid) {
			t.Errorf("%s listening, %s asked: %+v", c.listen, c.endpoint, e.Process)
		}
	}
}

func TestListenerOnOtherAddressIsNotTheEngine(t *testing.T) {
	addr, _ := engineProcess(t, []string{"x"}, "T_LISTEN=127.0.0.2:0")
	c := collect(t, collector(t, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://127.0.0.1" + addr[strings.LastIndex(addr, ":"):]}))
	if a := absence(c, "engines[0].process"); c.Engines[0].Process != nil || a == nil || a.Reason != attest.NotPresent {
		t.Fatalf("%+v, %+v", c.Engines[0].Process, a)
	}
}

func TestEngineNotRunningNamesEndpointAndStillMeasuresModel(t *testing.T) {
	dir, _ := model(t)
	c := collect(t, collector(t, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://127.0.0.1:1", Models: []string{dir}}))
	a := absence(c, "engines[0].process")
	if a == nil || a.Reason != attest.NotPresent || !strings.Contains(a.Detail, "127.0.0.1:1") || !strings.Contains(a.Detail, "start the engine") {
		t.Errorf("%+v", a)
	}
	if m := c.Engines[0].Models[0]; !m.Complete {
		t.Errorf("%+v; %+v", m, c.Absent)
	}
}

func TestIncompleteModelNamesTheFileAndHasNoDigest(t *testing.T) {
	dir, _ := model(t)
	link(t, "/etc/hostname", filepath.Join(dir, "escape"))
	c := collect(t, collector(t, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://127.0.0.1:1", Models: []string{dir, filepath.Join(dir, "none")}}))
	m := c.Engines[0].Models[0]
	if m.Complete || m.Digest != nil || m.Files != 2 || absence(c, "engines[0].models[0].entries[escape]") == nil {
		t.Errorf("%+v; %+v", m, c.Absent)
	}
	if a := absence(c, "engines[0].models[1]"); a == nil || a.Reason != attest.NotPresent {
		t.Errorf("missing model: %+v", a)
	}
}

func TestDeadlineBecomesAbsence(t *testing.T) {
	dir, _ := model(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c, err := collector(t, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://127.0.0.1:1", Models: []string{dir}}).Collect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"engines[*].process", "engines[0].models[0]"} {
		if a := absence(c, what); a == nil || a.Reason != attest.Timeout {
			t.Errorf("%s: %+v", what, a)
		}
	}
}

func TestConfigRejects(t *testing.T) {
	for name, e := range map[string]EngineConfig{
		"no name":       {Endpoint: "http://127.0.0.1:1"},
		"host name":     {Name: "a", Endpoint: "http://engine.example:8000"},
		"no port":       {Name: "a", Endpoint: "tcp://127.0.0.1"},
		"no host":       {Name: "a", Endpoint: "127.0.0.1:8000"},
		"password":      {Name: "a", Endpoint: "http://u:p@127.0.0.1:8000"},
		"control":       {Name: "a\n", Endpoint: "http://127.0.0.1:1"},
		"many URLs":     {Name: "a", Endpoint: "http://127.0.0.1:1", Public: make([]string, MaxPublic+1)},
		"many models":   {Name: "a", Endpoint: "http://127.0.0.1:1", Models: make([]string, attest.MaxModels+1)},
		"port too high": {Name: "a", Endpoint: "http://127.0.0.1:65536"},
	} {
		if err := (Config{[]EngineConfig{e}}).Check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	e := EngineConfig{Name: "a", Endpoint: "http://127.0.0.1:1"}
	if err := (Config{[]EngineConfig{e, e}}).Check(); err == nil {
		t.Error("two engines of one name accepted")
	}
}
