package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
	"github.com/hallmark-attest/hallmark/verify"
)

// ran is one run of the demo program.
type ran struct {
	code        int
	out, errOut string
	tmp         string // its TMPDIR
}

func start(t *testing.T, bin string, args ...string) (*exec.Cmd, *ran, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	r := &ran{tmp: t.TempDir()}
	var out, errOut bytes.Buffer
	cmd := exec.Command(filepath.Join(bin, "hallmark-demo"), args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+r.tmp)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	return cmd, r, &out, &errOut
}

func demo(t *testing.T, bin string, args ...string) *ran {
	t.Helper()
	cmd, r, out, errOut := start(t, bin, args...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r.code, r.out, r.errOut = cmd.ProcessState.ExitCode(), out.String(), errOut.String()
	return r
}

// left fails the test where a run left files or processes behind.
func (r *ran) left(t *testing.T) {
	t.Helper()
	files, err := os.ReadDir(r.tmp)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		t.Errorf("%s was left behind", f.Name())
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		if b, err := os.ReadFile(c); err == nil && bytes.Contains(b, []byte(r.tmp)) {
			t.Errorf("process left behind: %q", b)
		}
	}
}

func TestDemoEndsEachAttackWithItsFinding(t *testing.T) {
	bin, keep := programs(t), filepath.Join(t.TempDir(), "kept")
	r := demo(t, bin, "--json", "--keep", keep)
	if r.code != exitDone {
		t.Fatalf("exit status %d\n%s", r.code, r.errOut)
	}
	var report struct {
		Simulated string `json:"simulated"`
		Rows      []row  `json:"rows"`
		OK        bool   `json:"ok"`
	}
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v\n%s", err, r.out)
	}
	if !report.OK || !strings.Contains(report.Simulated, "SIMULATED") {
		t.Errorf("ok %v, simulated %q", report.OK, report.Simulated)
	}
	rows := map[string]row{}
	for _, row := range report.Rows {
		rows[row.Who] = row
		t.Logf("%-32s accepted=%-5v tier=%-9s %-26s %4d ms", row.Who, row.Accepted, row.Tier, row.Finding, row.Millis)
	}
	if h := rows[honestName]; !h.Accepted || h.Tier != "verified" || h.Finding != "" {
		t.Errorf("honest node: %+v", h)
	}
	if v := rows[honestName+", asked for enterprise"]; v.Accepted || v.Tier != "verified" || v.Finding != "tpm.class" {
		t.Errorf("honest node, asked for enterprise: %+v", v)
	}
	for _, who := range []string{honestName + ", asked for blocks", honestName + ", asked what its GPUs did", honestTDName} {
		if v := rows[who]; !v.Accepted || v.Tier != "verified" || v.Finding != "" || !v.OK {
			t.Errorf("%s: %+v", who, v)
		}
	}
	for _, a := range attacker.Attacks() {
		if got := rows[a.Name]; a.Unseen != "" {
			if !got.Accepted || got.Tier != "verified" || got.Finding != "" || got.Sentence != a.Unseen {
				t.Errorf("%s: %+v, want it accepted at verified and explained", a.Name, got)
			}
		} else if tier := map[bool]verify.Tier{true: "community", false: "none"}[a.Caps]; got.Accepted || got.Tier != tier || got.Finding != a.Expect || !got.OK {
			t.Errorf("%s: %+v, want finding %s", a.Name, got, a.Expect)
		}
	}
	if want := len(attacker.Attacks()) + 5; len(report.Rows) != want {
		t.Errorf("%d rows, want %d", len(report.Rows), want)
	}
	for who, check := range map[string]string{"relayed": "TLS key", "relayed-inside": "TLS exporter"} {
		if rows[who].Check != check {
			t.Errorf("%s: refused by %q, want %q", who, rows[who].Check, check)
		}
	}
	r.left(t)
	keptIsJudgedAlike(t, bin, keep)
}

// keptIsJudgedAlike runs the validator's own command over what --keep left.
func keptIsJudgedAlike(t *testing.T, bin, keep string) {
	t.Helper()
	in := func(name string) string { return filepath.Join(keep, name) }
	args := []string{"verify", in(keptAnswer), "--node", in(keptNode), "--validator", in(keptPublic), "--reference", in(keptReference),
		"--reference-key", in(keptPublic)}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{append(args, "--unsafe-demo-roots"), 0, "ACCEPTED at verified"},
		{args, 1, "node.demo_root"},
	} {
		cmd := exec.Command(filepath.Join(bin, "hallmark"), c.args...)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("hallmark %v: exit status %d, want %d and %q\n%s", c.args, got, c.code, c.says, out)
		}
	}
}

func TestInterruptedDemoLeavesNothingBehind(t *testing.T) {
	cmd, r, out, errOut := start(t, programs(t))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		agent, _ := filepath.Glob(filepath.Join(r.tmp, "*", "node", "agent.log"))
		return len(agent) > 0
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitCouldNot || !strings.Contains(errOut.String(), "interrupted") {
		t.Errorf("exit status %d, %v\n%s%s", code, err, out, errOut)
	}
	r.left(t)
}

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited 20 s in vain")
		}
	}
}

func TestDemoNamesMissingPrograms(t *testing.T) {
	bin, dir := programs(t), t.TempDir()
	b, err := os.ReadFile(filepath.Join(bin, "hallmark-demo"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "hallmark-demo"), b, 0o755); err != nil {
		t.Fatal(err)
	}
	r := demo(t, dir)
	if r.code != exitCouldNot || !strings.Contains(r.errOut, "hallmark-gpuprobe") || !strings.Contains(r.errOut, "make build") {
		t.Errorf("exit status %d\n%s", r.code, r.errOut)
	}
	r.left(t)
}

func TestDemoNamesMissingTools(t *testing.T) {
	cmd, r, _, errOut := start(t, programs(t))
	cmd.Env = []string{"TMPDIR=" + r.tmp, "PATH=" + t.TempDir()}
	_ = cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != exitCouldNot || !strings.Contains(errOut.String(), "swtpm") || !strings.Contains(errOut.String(), "make setup") {
		t.Errorf("exit status %d\n%s", code, errOut)
	}
	r.left(t)
}
