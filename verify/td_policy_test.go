package verify

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/tdx/policy"
)

var zeros = strings.Repeat("00", 48)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func TestTDPolicyFilesAreReadStrictly(t *testing.T) {
	for name, text := range map[string]string{
		"no object":           `[]`,
		"nothing":             ``,
		"null":                ` null`,
		"unknown member":      `{"mrtb": []}`,
		"unknown member deep": `{"tcb": {"accepts": []}}`,
		"member twice":        `{"rtmr": [null,null,null,null], "RTMR": [null,null,null,null]}`,
		"bytes behind":        `{} {}`,
		"short measurement":   `{"mrtd": ["00"]}`,
		"long measurement":    `{"mrtd": ["` + zeros + `00"]}`,
		"no hex":              `{"mrtd": ["` + strings.Repeat("zz", 48) + `"]}`,
		"empty measurement":   `{"mrtd": [""]}`,
		"unknown status":      `{"tcb": {"accept": ["uptodate"]}}`,
		"foreign accepted":    `{"tcb": {"accept": ["Foreign"]}}`,
		"revoked accepted":    `{"tcb": {"accept": ["UpToDate", "Revoked"]}}`,
		"time below zero":     `{"tcb": {"grace_days": -1}}`,
		"stale below zero":    `{"tcb": {"stale_days": -1}}`,
		"empty list":          `{"mrtd": []}`,
		"empty register":      `{"rtmr": [[], null, null, null]}`,
		"three registers":     `{"rtmr": [null, null, null]}`,
		"five registers":      `{"rtmr": [null, null, null, null, ["` + zeros + `"]]}`,
		"no platforms":        `{"platforms": {}}`,
		"no status":           `{"tcb": {"accept": []}}`,
		"beyond all time":     `{"tcb": {"grace_days": 213503}}`,
		"short platform":      `{"platforms": {"00": "x"}}`,
		"long platform":       `{"platforms": {"` + zeros + `": "x"}}`,
		"no attributes":       `{"attributes": {"must": 0, "may": 0}}`,
		"too large":           `{"mrtd": [` + strings.Repeat(" ", MaxPolicySize) + `]}`,
	} {
		if p, err := ParseTDPolicy([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
	p, err := ParseTDPolicy([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if d := DefaultTDPolicy(); d.Check() != nil || len(p.TCB.Accept) != len(d.TCB.Accept) || !p.MRTD.Ignore || p.Attributes != policy.DefaultAttributes {
		t.Errorf("%+v", p)
	}
}

func FuzzTDPolicy(f *testing.F) {
	for _, s := range []string{`{}`, `{"mrtd": ["` + zeros + `"], "rtmr": [null, ["` + zeros + `"], null, null]}`, `{"tcb": {"accept": ["UpToDate"], "advisories": ["INTEL-SA-1"], "min_evaluation": 17, "grace_days": 30, "stale_days": 2}}`,
		`{"platforms": {"` + zeros[:64] + `": "rack 4"}, "attributes": {"must": 268435456, "may": 0}}`, `{"mrservicetd": ["` + zeros + `"]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseTDPolicy(b)
		if err != nil {
			return
		}
		if err := p.Check(); err != nil {
			t.Errorf("%q: a policy with questions: %v", bytes.TrimSpace(b), err)
		}
	})
}
