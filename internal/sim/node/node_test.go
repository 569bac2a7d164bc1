package node

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/agent"
)

func TestWrittenConfigurationIsReadByTheAgentAsMeant(t *testing.T) {
	o := Options{Dir: `/tmp/a "quoted" dir`, Tools: Tools{Probe: "/bin/probe"}, TPMSocket: "/tmp/sock", Library: "/tmp/lib.so", Keys: "/tmp/*.pub",
		PerMinute: 7, Engine: &EngineConfig{Endpoint: "http://127.0.0.1:1", Model: "/tmp/model", Declared: "m: 7b"}}
	c, err := agent.ParseConfig([]byte(o.yaml("127.0.0.1:2")))
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:2" || c.StateDir != o.Dir || c.Metrics != "" || c.TPM.Device != "unix:/tmp/sock" || c.GPU.Library != o.Library ||
		c.GPU.Probe != "/bin/probe" || c.Validators.Keys[0] != o.Keys || c.Validators.Open || c.Validators.PerMinute != 7 {
		t.Errorf("%+v", c)
	}
	if e := c.Engines; len(e) != 1 || e[0].Endpoint != "http://127.0.0.1:1" || e[0].Models[0] != "/tmp/model" || e[0].Declared.Model != "m: 7b" {
		t.Errorf("%+v", e)
	}
	o.Library, o.Engine = "", nil
	if c, err = agent.ParseConfig([]byte(o.yaml("127.0.0.1:2"))); err != nil || c.GPU.Library != agent.None || len(c.Engines) != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestFindNamesWhatIsMissingAndTheFix(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hallmark-agent"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Find(dir)
	if err == nil || !strings.Contains(err.Error(), "hallmark-gpuprobe") || strings.Contains(err.Error(), "hallmark-agent is") || !strings.Contains(err.Error(), "make build") {
		t.Error(err)
	}
}

// script is a program that does what the lines say.
func script(t *testing.T, lines string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+lines), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestStartSaysWhyTheAgentEnded(t *testing.T) {
	_, err := Start(t.Context(), Options{Dir: t.TempDir(), Tools: Tools{Agent: script(t, "echo no such TPM >&2; exit 2\n")}})
	if err == nil || !strings.Contains(err.Error(), "no such TPM") || !strings.Contains(err.Error(), "it ended") {
		t.Error(err)
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := Start(ctx, Options{Dir: t.TempDir(), Tools: Tools{Agent: script(t, "exec sleep 60\n")}})
	if err == nil || time.Since(begin) > 5*time.Second {
		t.Error(err, time.Since(begin))
	}
}

func TestEngineSaysWhyItsProgramEnded(t *testing.T) {
	e, err := NewEngine(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Run(t.Context(), script(t, "echo no such weights >&2; exit 2\n"), "/nowhere"); err == nil || !strings.Contains(err.Error(), "no such weights") {
		t.Error(err)
	}
	if err := e.Stop(); err != nil {
		t.Error(err)
	}
}

func TestCopiedProgramHasWhatIsBehindItAndRuns(t *testing.T) {
	from, to := script(t, "exit 0\n"), filepath.Join(t.TempDir(), "copy")
	if err := CopyProgram(from, to, []byte("# more\n")); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(to)
	if err != nil || string(b) != "#!/bin/sh\nexit 0\n# more\n" {
		t.Errorf("%q, %v", b, err)
	}
	p, err := startProcess(filepath.Join(t.TempDir(), "log"), to)
	if err != nil {
		t.Fatal(err)
	}
	<-p.done
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}

func TestFreeAddressIsOnLoopback(t *testing.T) {
	a, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	host, _, err := net.SplitHostPort(a)
	if err != nil || !net.ParseIP(host).IsLoopback() {
		t.Error(a, err)
	}
}
