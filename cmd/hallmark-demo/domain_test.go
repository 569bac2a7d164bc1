package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/internal/sim/domain"
)

// A run takes a minute and a half, so how many are made is asked for: make test asks for one, make soak-domain for twenty.
func TestDomainEndsEachNodeWithItsHypothesis(t *testing.T) {
	runs, err := strconv.Atoi(os.Getenv("HALLMARK_DOMAIN"))
	if err != nil || runs < 1 {
		t.Skip("SKIPPED, no domain was played: set HALLMARK_DOMAIN to the number of runs (90 s each)")
	}
	bin := programs(t)
	honest, words, busy := 0, 0, 0
	for i := 0; i < runs; i++ {
		keep := filepath.Join(t.TempDir(), "kept")
		r := demo(t, bin, "domain", "--json", "--keep", keep)
		var report struct {
			Rows []domain.Row `json:"rows"`
			OK   bool         `json:"ok"`
		}
		if err := json.Unmarshal([]byte(r.out), &report); err != nil {
			t.Fatalf("run %d: %v\n%s", i, err, r.errOut)
		}
		r.left(t)
		if (r.code == exitDone) != report.OK || len(report.Rows) != len(domain.Cast()) {
			t.Errorf("run %d: exit status %d, %d rows", i, r.code, len(report.Rows))
		}
		wrong := slices.DeleteFunc(slices.Clone(report.Rows), func(row domain.Row) bool { return row.OK })
		if len(wrong) > 0 && busy < 2 && !slices.ContainsFunc(wrong, func(row domain.Row) bool { return row.Told }) {
			// Nothing wrong was said: rules had nothing to read.
			t.Logf("run %d: this machine was too busy to record its telemetry, once more: %+v", i, wrong)
			busy++
			i--
			continue
		}
		for _, row := range wrong {
			t.Errorf("run %d: %s: want %s, got %s, %s first, violated %v, flags %v, T %v", i, row.Name, row.Want, row.Tier, row.Hypothesis, row.Violated, row.Flags, row.T)
		}
		words += len(wrong)
		for _, row := range report.Rows {
			if row.Hypothesis == "honest" || row.Hypothesis == "throttled" {
				honest++
			}
		}
		if i == 0 && len(wrong) == 0 {
			byHand(t, bin, keep)
		}
	}
	t.Logf("%d runs, %d honest nodes, %d nodes ended otherwise", runs, honest, words)
}

// byHand judges the kept files with the validator's own command.
func byHand(t *testing.T, bin, dir string) {
	t.Helper()
	run := func(args ...string) (int, string) {
		cmd := exec.Command(filepath.Join(bin, "hallmark"), args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), string(out)
	}
	with := func(name string, more ...string) []string {
		return append([]string{name + ".second.hm", "--with", name + ".first.hm", "--node", name + ".node.json", "--validator", keptPublic, "--reference", keptReference, "--reference-key", keptPublic,
			"--stats", "results.jsonl", "--stats-node", name, "--unsafe-demo-roots"}, more...)
	}
	limits := []string{"--unsafe-demo-calibration", "calibration.json", "--json"}
	for _, p := range domain.Cast() {
		if p.Name == "twin" { // who had the GPUs first is in the history, which is not kept
			continue
		}
		var got struct {
			Hypotheses []struct{ Name string }
			Conclusion struct{ Judgement string }
		}
		code, out := run(append([]string{"crosscheck"}, with(p.Name, limits...)...)...)
		if err := json.Unmarshal([]byte(out), &got); err != nil || got.Hypotheses[0].Name != p.Hypothesis || (code == 0) != (got.Conclusion.Judgement == "clear") {
			t.Errorf("crosscheck %s: exit status %d, %+v, %v", p.Name, code, got, err)
		}
		code, out = run(append([]string{"verify"}, with(p.Name, limits...)...)...)
		if err := json.Unmarshal([]byte(out), &got); err != nil || got.Hypotheses[0].Name != p.Hypothesis || (code == 0) != (p.Tier == "verified") {
			t.Errorf("verify %s: exit status %d, %+v, %v", p.Name, code, got, err)
		}
	}
	// The demonstration's limits are none, but where that is asked for: with the built-in ones a node that says it is busy is shown, and not accused.
	if code, _ := run(append([]string{"crosscheck"}, with("honest-1", "--calibration", "calibration.json")...)...); code != 2 {
		t.Errorf("a demonstration's calibration is read: exit status %d", code)
	}
	code, out := run(append([]string{"crosscheck"}, with("busy-at-rest")...)...)
	if code != 0 || !strings.Contains(out, "violated (uncalibrated)") {
		t.Errorf("exit status %d\n%s", code, out)
	}
	// The results are those that hallmark stats compute makes of the answers.
	if code, out := run("stats", "compute", "answers-2.jsonl", "--embeddings", "embeddings-2.jsonl", "--reference", "replay", "--permutations", "19"); code != 0 || !strings.Contains(out, "other-model") {
		t.Errorf("exit status %d\n%s", code, out)
	}
}
