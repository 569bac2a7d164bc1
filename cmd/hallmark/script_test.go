package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
	"github.com/hallmark-attest/hallmark/testdata/vm"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"hallmark": func() { os.Exit(run(context.Background(), os.Args[1:])) },
	})
}

// buildAgent builds the real agent into a folder for PATH.
func buildAgent(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("go", "build", "-o", dir, "github.com/hallmark-attest/hallmark/cmd/hallmark-agent")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build hallmark-agent: %v\n%s", err, out)
	}
	return dir
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// TestScripts runs testdata/*.txt: terminal transcripts with a real agent.
func TestScripts(t *testing.T) {
	bin := buildAgent(t)
	haveTPM := swtpm.Available() == nil
	if !haveTPM {
		t.Logf("scripts with a TPM are skipped: %v", swtpm.Available())
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			addr, err := freeAddress()
			if err != nil {
				return err
			}
			e.Setenv("ADDR", addr)
			e.Setenv("PATH", bin+string(filepath.ListSeparator)+e.Getenv("PATH"))
			if !haveTPM {
				return nil
			}
			return startTPM(t, e)
		},
		Condition: func(c string) (bool, error) {
			if c == "swtpm" {
				return haveTPM, nil
			}
			_, err := exec.LookPath(c)
			return err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"expand": expand, "waitready": waitReady, "flip": flip, "signmodel": signModel, "sweeps": writeSweeps, "embedder": startEmbedder, "answers": writeAnswers, "documented": documented},
	})
}

// startTPM gives the script a software TPM of its own: $TPM is its socket, $ROOTS its authority's certificates.
func startTPM(t *testing.T, e *testscript.Env) error {
	dir, err := os.MkdirTemp("", "hm") // a short path: unix sockets allow 107 bytes
	if err != nil {
		return err
	}
	e.Defer(func() { os.RemoveAll(dir) })
	tpm, err := swtpm.Start(dir, swtpm.Options{})
	if err != nil {
		return err
	}
	e.Defer(func() { tpm.Stop() })
	if err := tpm.Measure(vm.Boot, vm.IMA); err != nil { // it booted as our virtual machine did
		return err
	}
	for name, content := range map[string][]byte{"vm.boot": vm.Boot, "vm.ima": vm.IMA, "vm.other": vm.OtherBoot} {
		if err := os.WriteFile(filepath.Join(e.WorkDir, name), content, 0o644); err != nil {
			return err
		}
	}
	e.Setenv("TPM", tpm.Socket())
	e.Setenv("ROOTS", tpm.Roots())
	return nil
}

// expand FILE replaces $NAMES in a file.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: expand FILE")
	}
	b := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b), 0o644))
}

// waitready ADDR waits until the agent there answers /readyz.
func waitReady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitready ADDR")
	}
	c := http.Client{Timeout: time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer c.CloseIdleConnections()
	last := error(nil)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		resp, err := c.Get("https://" + args[0] + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
			err = fmt.Errorf("%s", resp.Status)
		}
		last = err
	}
	ts.Fatalf("agent at %s is not ready: %v", args[0], last)
}

// documented PAGE BEGINNING holds the block of a page that begins so against what the last command printed.
func documented(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: documented PAGE BEGINNING")
	}
	page, err := os.ReadFile(filepath.Join(pages, args[0]))
	ts.Check(err)
	_, block, found := strings.Cut(string(page), "```\n"+args[1])
	block, _, closed := strings.Cut(args[1]+block, "\n```")
	if !found || !closed {
		ts.Fatalf("%s has no block that begins with %q", args[0], args[1])
	}
	printed := map[string]bool{}
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		printed[strings.TrimRight(line, " \n")] = true
	}
	for line := range strings.Lines(block) {
		if line = strings.TrimRight(line, " \n"); !printed[line] {
			ts.Fatalf("%s shows a line that was not printed:\n%s", args[0], line)
		}
	}
}

// pages is where documents lie; scripts run elsewhere.
var pages = func() string {
	dir, err := filepath.Abs("../../docs")
	if err != nil {
		panic(err)
	}
	return dir
}()

// flip FILE changes one bit in the middle of a file.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip FILE")
	}
	b := bytes.Clone([]byte(ts.ReadFile(args[0])))
	b[len(b)/2] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}
