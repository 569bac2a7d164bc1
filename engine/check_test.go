package engine

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine/census"
)

func digest(b byte) FileDigest {
	return FileDigest{SizeBytes: 1, FSVerity: bytes.Repeat([]byte{b}, 32), DigestSource: SourceComputed, Freshness: FreshStat, DigestAtMs: 1, CheckedAtMs: 2}
}

// example is one of everything.
func example() *Claims {
	m := Manifest{{Path: "a", Size: 1}, {Path: "b", Size: 2}}
	d := must(m.Digest())
	exe, n := digest(1), uint64(7)
	p := Process{PID: 2, Parent: 1, StartTicks: 3, StartMs: &n, UID: &n, ExePath: "/x", Exe: &exe, Args: []Pair{{Name: "--a"}, {Name: "--b", Value: "1"}}, Environment: []Pair{}}
	return &Claims{ObtainedAt: 1, How: how, Engines: []Engine{{Name: "main", Endpoint: "http://127.0.0.1:1", Public: []string{}, Kind: "vllm",
		Listening: []Listening{{"127.0.0.1", 1, 2}}, Hops: []Hop{{"http://172.17.0.2:1", p}}, Process: &p, Tree: []Child{{3, 2, 1, ""}, {4, 2, 1, ""}}, Sharing: []uint64{8, 9},
		Libraries: []Library{{Path: "/a.so", Exact: true, FileDigest: digest(1)}, {Path: "/b.so", FileDigest: digest(1)}},
		Weights:   []Weight{{Path: "/w", Source: HeldBoth, FileDigest: digest(1)}, {Path: "/w", Source: HeldOpen, FileDigest: digest(2)}},
		Models:    []Model{{Path: "/m", Complete: true, Digest: d[:], SizeBytes: 3, Files: 2, Freshness: FreshStat, OldestMs: 1, Entries: m, Census: exampleCensus()}}}},
		Absent: []attest.Absence{attest.Absent("engines[0].weights", attest.NotYet, "x")}}
}

func exampleCensus() *census.Census {
	return &census.Census{Format: census.FormatGGUF, Files: 1, Tensors: 1, Parameters: 8, ByType: []census.TypeCount{{Type: "bf16", Scheme: "gguf", Tensors: 1, Parameters: 8, StorageBytes: 16, MilliBits: 16000}}}
}

func TestCheckRejects(t *testing.T) {
	roundTrip(t, example())
	for name, spoil := range map[string]func(*Claims, *Engine){
		"absence reason":              func(c *Claims, e *Engine) { c.Absent[0].Reason = "because" },
		"too many engines":            func(c *Claims, e *Engine) { c.Engines = make([]Engine, MaxEngines+1) },
		"too many libraries":          func(c *Claims, e *Engine) { e.Libraries = make([]Library, MaxLibraries+1) },
		"too many weights":            func(c *Claims, e *Engine) { e.Weights = make([]Weight, MaxWeights+1) },
		"too many hops":               func(c *Claims, e *Engine) { e.Hops = make([]Hop, MaxHops+1) },
		"control character in name":   func(c *Claims, e *Engine) { e.Name = "\x1b" },
		"long path":                   func(c *Claims, e *Engine) { e.Libraries[0].Path = strings.Repeat("a", attest.MaxText+1) },
		"port":                        func(c *Claims, e *Engine) { e.Listening[0].Port = 65536 },
		"port zero":                   func(c *Claims, e *Engine) { e.Listening[0].Port = 0 },
		"tree order":                  func(c *Claims, e *Engine) { e.Tree[0].PID = 5 },
		"sharing order":               func(c *Claims, e *Engine) { e.Sharing[0] = 10 },
		"library order":               func(c *Claims, e *Engine) { e.Libraries[0].Path = "/z" },
		"weight order":                func(c *Claims, e *Engine) { e.Weights[0].FSVerity[0] = 9 },
		"weight source":               func(c *Claims, e *Engine) { e.Weights[0].Source = "felt" },
		"short digest":                func(c *Claims, e *Engine) { e.Weights[0].FSVerity = e.Weights[0].FSVerity[1:] },
		"short plain digest":          func(c *Claims, e *Engine) { e.Weights[0].SHA256 = []byte{1} },
		"digest source":               func(c *Claims, e *Engine) { e.Weights[0].DigestSource = "told" },
		"freshness":                   func(c *Claims, e *Engine) { e.Weights[0].Freshness = "sure" },
		"freshness without digest":    func(c *Claims, e *Engine) { e.Weights[0].FSVerity = nil },
		"flags order":                 func(c *Claims, e *Engine) { e.Process.Args[0].Name = "--z" },
		"executable digest":           func(c *Claims, e *Engine) { e.Process.Exe.FSVerity = []byte{1} },
		"hop text":                    func(c *Claims, e *Engine) { e.Hops[0].To = "\n" },
		"complete without digest":     func(c *Claims, e *Engine) { e.Models[0].Digest = nil },
		"digest although incomplete":  func(c *Claims, e *Engine) { e.Models[0].Complete = false },
		"digest of another model":     func(c *Claims, e *Engine) { e.Models[0].Digest[0]++ },
		"entries of another model":    func(c *Claims, e *Engine) { e.Models[0].Entries[0].FSVerity[0]++ },
		"count of another model":      func(c *Claims, e *Engine) { e.Models[0].Files++ },
		"size of another model":       func(c *Claims, e *Engine) { e.Models[0].SizeBytes++ },
		"entries out of order":        func(c *Claims, e *Engine) { e.Models[0].Entries[0].Path = "c" },
		"census of no form":           func(c *Claims, e *Engine) { e.Models[0].Census.Format = "onnx" },
		"census that does not add up": func(c *Claims, e *Engine) { e.Models[0].Census.Parameters++ },
		"census of more files":        func(c *Claims, e *Engine) { e.Models[0].Census.Files = 3 },
		"census although incomplete": func(c *Claims, e *Engine) {
			e.Models[0].Complete, e.Models[0].Digest = false, nil
		},
		"weakest freshness not a word": func(c *Claims, e *Engine) { e.Models[0].Freshness = "x" },
	} {
		c := example()
		spoil(c, &c.Engines[0])
		if c.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestClaimsTooLargeLoseEntriesBeforeLibraries(t *testing.T) {
	c := example()
	c.Engines[0].Models[0].Complete, c.Engines[0].Models[0].Digest, c.Engines[0].Models[0].Census = false, nil, nil
	for range MaxLibraries {
		c.Engines[0].Models[0].Entries = append(c.Engines[0].Models[0].Entries, Entry{Path: strings.Repeat("x", 900)})
	}
	if err := fit(c); err != nil {
		t.Fatal(err)
	}
	if b := must(attest.Marshal(c)); len(b) > MaxClaimsSize {
		t.Fatalf("%d bytes", len(b))
	}
	if e := c.Engines[0]; e.Models[0].Entries != nil || len(e.Libraries) != 2 || absence(c, "engines[0].models[*].entries") == nil {
		t.Fatalf("%+v, %+v", e.Libraries, c.Absent)
	}
}

func TestClaimsTooLargeLoseCensusesLast(t *testing.T) {
	c := example()
	k := exampleCensus()
	for i := range census.MaxConflicts {
		k.Conflicts = append(k.Conflicts, census.Conflict{Key: fmt.Sprintf("%02d", i), Config: strings.Repeat("x", 900)})
	}
	m := c.Engines[0].Models[0]
	m.Entries, m.Census = nil, k
	for range attest.MaxModels {
		c.Engines[0].Models = append(c.Engines[0].Models, m)
	}
	if err := fit(c); err != nil {
		t.Fatal(err)
	}
	if e := c.Engines[0]; e.Models[1].Census != nil || absence(c, "engines[0].models[*].census") == nil || absence(c, "engines[0].weights") == nil || absence(c, "engines[0].libraries") == nil {
		t.Fatalf("%+v", c.Absent)
	}
}

func TestContainerIsRecognised(t *testing.T) {
	id := strings.Repeat("0a", 32)
	for group, want := range map[string]string{
		"/system.slice/docker-" + id + ".scope": id, "/docker/" + id: id, "/docker/" + id + "/init": id, "/machine.slice/libpod-" + id + ".scope/container": id,
		"/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + id + ".scope": id, "/kubepods/burstable/pod1/" + id: id,
		"/system.slice/vllm.service": "", "/": "", "": "", "/docker/" + id[1:]: "", "/docker/x" + id: "",
	} {
		if got := containerID(group); got != want {
			t.Errorf("%s: %q, want %q", group, got, want)
		}
	}
}

func TestForwarderIsReadFromArguments(t *testing.T) {
	args := strings.Fields("/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8000 -container-ip 172.17.0.2 -container-port 80")
	if to, ok := forwardsTo("/usr/bin/docker-proxy", args); !ok || to != "http://172.17.0.2:80" {
		t.Errorf("%q, %v", to, ok)
	}
	for _, c := range []struct{ exe, args string }{{"/usr/bin/nginx", strings.Join(args, " ")}, {"/usr/bin/docker-proxy", "docker-proxy -container-ip"}} {
		if to, ok := forwardsTo(c.exe, strings.Fields(c.args)); ok {
			t.Errorf("%s: %q", c.exe, to)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(must(attest.Marshal(example())))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err != nil {
			return
		}
		if again, err := attest.Marshal(c); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("round trip: %v", err)
		}
	})
}

func FuzzParseEndpoint(f *testing.F) {
	f.Add("http://127.0.0.1:8000")
	f.Add("https://[::1%eth0]")
	f.Fuzz(func(t *testing.T, s string) {
		if e, err := parseEndpoint(s); err == nil && (len(e.addrs) == 0 || e.port == 0 || !e.addrs[0].IsValid()) {
			t.Fatalf("%q: %+v", s, e)
		}
	})
}
