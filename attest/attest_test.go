package attest

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

func challengeBytes(t testing.TB) []byte {
	t.Helper()
	b, err := Marshal(Challenge{Profiles: []string{Profile}, Nonce: Nonce{1}, Issued: 1, Expires: 2, Audience: UEID{1}, Kinds: []Kind{"gpu", "tpm"}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestUnmarshalRejectsEveryOtherEncoding(t *testing.T) {
	good := challengeBytes(t)
	if _, err := ParseChallenge(good); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"long key":      append([]byte{good[0], 0x18, good[1]}, good[2:]...),
		"trailing byte": append(bytes.Clone(good), 0),
		"truncated":     good[:len(good)-1],
		"duplicate key": append([]byte{0xa2, 0x01, 0x80}, []byte{0x01, 0x80}...),
		"unsorted keys": {0xa2, 0x02, 0x40, 0x01, 0x80},
		"indefinite":    {0xbf, 0x01, 0x80, 0xff},
		"tag":           append([]byte{0xc1}, good...),
		"float":         {0xa1, 0x03, 0xf9, 0x3c, 0x00},
		"unknown key":   {0xa1, 0x18, 0x63, 0x00},
		"empty":         {},
	} {
		if _, err := ParseChallenge(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestUnmarshalRejectsUnsortedMapsAsNotCanonical(t *testing.T) {
	var m map[string]uint64
	if err := Unmarshal([]byte{0xa2, 0x61, 'b', 0x01, 0x61, 'a', 0x02}, &m, 100); !errors.Is(err, ErrNotCanonical) {
		t.Fatalf("got %v", err)
	}
}

func TestUnmarshalRefusesOverLimitBeforeDecoding(t *testing.T) {
	var v any
	if err := Unmarshal(make([]byte, 11), &v, 10); err == nil || !strings.Contains(err.Error(), "limit 10") {
		t.Fatalf("got %v", err)
	}
}

func TestUnmarshalRefusesHugeClaimedLengthsWithoutAllocating(t *testing.T) {
	bad := []byte{0x9b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff}
	allocs := testing.AllocsPerRun(10, func() {
		var v []uint64
		if Unmarshal(bad, &v, 100) == nil {
			t.Error("accepted")
		}
	})
	if allocs > 50 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestBindingFormulasSeparateTheirInputs(t *testing.T) {
	a, b := Digest{1}, Digest{2}
	seen := map[Digest]string{}
	for name, d := range map[string]Digest{
		"leaf": Leaf([]byte("c"), []byte("a")), "leaf swapped": Leaf([]byte("a"), []byte("c")),
		"batch 1": BatchRoot(1, a), "batch 2": BatchRoot(2, a),
		"binding": Binding(a, b, []byte("x")), "binding swapped": Binding(b, a, []byte("x")), "binding other": Binding(a, b, []byte("y")),
		"tpm": TPMQualifying(a, b), "tpm swapped": TPMQualifying(b, a),
	} {
		if other, dup := seen[d]; dup {
			t.Errorf("%s and %s collide", name, other)
		}
		seen[d] = name
	}
	if UEIDFromAK(a[:]) == UEIDFromKey(a) {
		t.Error("a TPM's and a key's name collide")
	}
	if d, err := Inner(nil); err != nil || d.String() != "c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a0" {
		t.Errorf("inner of no quotes is SHA-256(0xa0): %s, %v", d, err)
	}
}

func TestAbsentCutsDetailAndControlCharactersStayValid(t *testing.T) {
	a := Absent("gpu", Failed, "%s", strings.Repeat("ä", MaxDetail))
	if len(a.Detail) > MaxDetail || a.check() != nil {
		t.Fatalf("%d bytes, %v", len(a.Detail), a.check())
	}
	if got := Clean("a\x00b\x1bc\xff"); got != "a b c\uFFFD" {
		t.Errorf("%q", got)
	}
}

func TestConfirmationRejectsPointsOffTheCurve(t *testing.T) {
	c := Confirmation{COSEKey{Type: 2, Curve: 1, X: Digest{1}, Y: Digest{1}}}
	if _, err := c.PublicKey(); err == nil {
		t.Fatal("accepted")
	}
}

// TestFormatListsEveryLimit holds the table of docs/format.md against limits.go.
func TestFormatListsEveryLimit(t *testing.T) {
	doc, err := os.ReadFile("../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| (Max\w+|DefaultNesting|BlockBytes) \| (\d+) \|$`).FindAllStringSubmatch(string(doc), -1) {
		rows[m[1]] = m[2]
	}
	values := map[string]int{"MaxRequestSize": MaxRequestSize, "MaxEvidenceSize": MaxEvidenceSize, "MaxAnswerSize": MaxAnswerSize, "MaxLogSize": MaxLogSize,
		"MaxResponseSize": MaxResponseSize, "MaxRecordSize": MaxRecordSize, "MaxWindowSize": MaxWindowSize, "MaxWindowChunks": MaxWindowChunks, "MaxWindowSeconds": MaxWindowSeconds, "MaxNodeRecordSize": MaxNodeRecordSize, "MaxReferenceSize": MaxReferenceSize,
		"MaxActivateSize": MaxActivateSize, "MaxProblemSize": MaxProblemSize, "MaxBatch": MaxBatch, "MaxPath": MaxPath, "MaxLifeMillis": MaxLifeMillis,
		"MaxProfiles": MaxProfiles, "MaxKinds": MaxKinds, "MaxAbsences": MaxAbsences, "MaxText": MaxText, "MaxDetail": MaxDetail, "MaxModels": MaxModels, "MaxSpeculation": MaxSpeculation,
		"MaxModelFiles": MaxModelFiles, "MaxCensusSize": MaxCensusSize, "MaxExecutables": MaxExecutables, "MaxListedFiles": MaxListedFiles, "MaxCerts": MaxCerts, "MaxCertSize": MaxCertSize,
		"MaxVerdictSize": MaxVerdictSize, "MaxBoots": MaxBoots, "MaxBootValues": MaxBootValues, "MaxMeasured": MaxMeasured, "MaxRegisters": MaxRegisters, "MaxBlockModels": MaxBlockModels, "MaxBlocks": MaxBlocks, "MaxBlockPath": MaxBlockPath, "BlockBytes": BlockBytes, "DefaultNesting": DefaultNesting, "MaxElements": MaxElements}
	f, err := parser.ParseFile(token.NewFileSet(), "limits.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			name := spec.Names[0].Name
			if v, ok := values[name]; !ok {
				t.Errorf("%s is a new limit: add it to this test and to docs/format.md", name)
			} else if rows[name] != fmt.Sprint(v) {
				t.Errorf("%s is %d, docs/format.md says %q", name, v, rows[name])
			}
		}
		return true
	})
}

func TestFormatListsEveryProblemAndReason(t *testing.T) {
	doc, err := os.ReadFile("../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile("problem.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`Problem\w+\s+= "([a-z-]+)"`).FindAllSubmatch(src, -1) {
		if !bytes.Contains(doc, []byte("| `"+string(m[1])+"` |")) {
			t.Errorf("problem %s is not in docs/format.md", m[1])
		}
	}
	for r := range reasons {
		if !bytes.Contains(doc, []byte(`"`+string(r)+`"`)) {
			t.Errorf("reason %s is not in docs/format.md", r)
		}
	}
}

func ExampleBinding() {
	root := BatchRoot(1, Leaf([]byte("challenge"), []byte("answer")))
	inner, _ := Inner(nil)
	fmt.Println(TPMQualifying(Binding(root, Digest{}, []byte("bound")), inner).Short())
	// Output: 02f6b734
}
