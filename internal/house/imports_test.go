package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/hallmark-attest/hallmark/"

// floors go from the bottom up; imports point down. A package stands on the
// floor of its longest matching entry. Packages on one floor do not import each
// other, except within one entry (a package and what lies below its folder).
var floors = [][]string{
	{"attest", "stats"},
	{"attest/merkle", "attest/runlog", "attest/telemetry", "attest/fsverity", "internal/proc", "internal/littleendian", "internal/roomy", "internal/strictjson"},
	{"attest/tpm", "attest/tdx", "attest/bootlog", "attest/ima", "attest/host", "gpu", "engine", "sign"},
	{"agent", "verify"},
	{"internal/hw", "internal/sim"},
	{"cmd", "bench"},
}

// tdxClient asks for quotes; the collecting half of attest/tdx goes to the kernel by go-configfs-tsm itself.
const tdxClient = "github.com/google/go-tdx-guest/client"

// bans are transitive: a program on the left never links anything that begins with an entry on the right.
var bans = []struct {
	pkg, why string
	never    []string
}{
	{"cmd/hallmark", "a validator judges without devices, agent or simulator",
		[]string{module + "agent", module + "internal/sim", module + "internal/hw", "github.com/NVIDIA/", "github.com/shirou/gopsutil"}},
	{"cmd/hallmark-agent", "the agent has no policy, no simulator and no NVML, and stays small",
		[]string{module + "verify", module + "internal/sim", module + "stats", "github.com/NVIDIA/", "github.com/google/go-attestation", "github.com/google/go-eventlog", "github.com/google/go-tpm-tools", "github.com/google/go-tdx-guest", "github.com/google/logger"}},
	{"cmd/hallmark-gpuprobe", "the probe reads NVML and nothing else",
		[]string{module + "agent", module + "verify", module + "internal/sim", module + "sign", "net/http", "crypto/tls", "github.com/google/"}},
	{"attest", "the ground floor touches no file, clock, network or environment",
		[]string{"os", "net", "time", "os/exec", "syscall"}},
	{"stats", "results are bytes and numbers: no file, clock, network or environment",
		[]string{"os", "net", "time", "os/exec", "syscall", "math/rand"}},
	{"stats/compute", "the same answers and seed give the same results anywhere: no file, clock, network or random source",
		[]string{"os", "net", "time", "os/exec", "syscall", "crypto/rand"}},
	{"internal/sim/honest", "the noise of simulated honest nodes knows no cut and no policy, or it would be tuned to them",
		[]string{module + "stats/compute", module + "verify/policy", module + "agent"}},
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T) map[string]listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", module+"...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	pkgs := map[string]listed{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

// place returns the floor and entry of a package, -1 where the table has none.
func place(pkg string) (floor int, entry string) {
	floor = -1
	for i, f := range floors {
		for _, e := range f {
			if (pkg == e || strings.HasPrefix(pkg, e+"/")) && len(e) > len(entry) {
				floor, entry = i, e
			}
		}
	}
	return floor, entry
}

func TestImportsPointDown(t *testing.T) {
	for name, p := range list(t) {
		if name == "internal/house" || name == strings.TrimSuffix(module, "/") {
			continue
		}
		from, entry := place(name)
		if from < 0 {
			t.Errorf("%s stands on no floor: add it to the table and say why", name)
			continue
		}
		for _, imp := range p.Imports {
			other, ok := strings.CutPrefix(imp, module)
			if !ok {
				continue
			}
			to, otherEntry := place(other)
			if to > from || to == from && otherEntry != entry {
				t.Errorf("%s (floor %d, %s) imports %s (floor %d, %s): imports point down", name, from, entry, other, to, otherEntry)
			}
		}
	}
}

// TestD8LibraryCollectorIsLinkedNowhere: go-tdx-guest's client makes a configfs entry to see whether it can, on every quote, and leaves it.
func TestD8LibraryCollectorIsLinkedNowhere(t *testing.T) {
	for name, p := range list(t) {
		if slices.Contains(p.Deps, tdxClient) {
			t.Errorf("%s links %s", name, tdxClient)
		}
	}
}

func TestProgramsLinkOnlyWhatTheyMay(t *testing.T) {
	pkgs := list(t)
	for _, b := range bans {
		p, ok := pkgs[b.pkg]
		if !ok {
			t.Errorf("package %s is gone: update the table", b.pkg)
			continue
		}
		deps := p.Deps
		if b.pkg == "attest" || strings.HasPrefix(b.pkg, "stats") {
			deps = p.Imports // its libraries may know time; it may not ask for it itself
		}
		for _, d := range deps {
			if slices.ContainsFunc(b.never, func(n string) bool {
				return d == n || strings.HasSuffix(n, "/") && strings.HasPrefix(d, n) || strings.HasPrefix(d, n+"/")
			}) {
				t.Errorf("%s links %s: %s", b.pkg, d, b.why)
			}
		}
	}
}
